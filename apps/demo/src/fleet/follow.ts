const everyMs = 500;
/** Without the demo there is nobody to stop this process: it stops by itself. */
const orphanedAfter = 8;

/** Keeps `value` at what the control answers at `path`. */
export class Followed<Value> {
  #failures = 0;

  constructor(
    private readonly url: string,
    public value: Value,
    onOrphaned: () => void,
  ) {
    setInterval(() => {
      void this.#ask().then(
        () => (this.#failures = 0),
        () => {
          if (++this.#failures >= orphanedAfter) onOrphaned();
        },
      );
    }, everyMs);
    void this.#ask().catch(() => undefined);
  }

  async #ask(): Promise<void> {
    const answer = await fetch(this.url, { signal: AbortSignal.timeout(everyMs * 2) });
    this.value = (await answer.json()) as Value;
  }
}
