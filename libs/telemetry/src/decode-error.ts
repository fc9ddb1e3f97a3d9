/** A payload that is not what its format says: nothing of it may be used. */
export class DecodeError extends Error {
  readonly code = 'malformed-payload';
  /**
   * @param reason what is wrong.
   * @param position byte offset in the uncompressed payload, or the path in a JSON one.
   */
  constructor(
    readonly reason: string,
    readonly position: number | string,
  ) {
    super(`${reason} at ${typeof position === 'number' ? `byte ${position}` : position}`);
    this.name = DecodeError.name;
  }
}
