/** Values of a chunk; a chunk is what a store writes at once. */
export const chunkPoints = 256;

interface Chunk {
  readonly index: number;
  readonly values: Float64Array;
}

/**
 * The recent past of one series at an even step, in chunks of {@link chunkPoints} values: what forecasts continue. A value
 * that is missing is NaN. Steps are numbered from the epoch, so the same time always lies in the same place.
 */
export class SeriesHistory {
  #chunks: Chunk[] = [];
  #newest = -1;
  readonly #dirty = new Set<number>();

  /** @param chunksMax chunks kept: the oldest is dropped when another begins. */
  constructor(
    readonly stepMs: number,
    private readonly chunksMax: number,
  ) {}

  /** Time of the newest value, 0 before the first. */
  get newestMs(): number {
    return this.#newest < 0 ? 0 : this.#newest * this.stepMs;
  }

  /** Takes the value at a step's end; one older than what is kept is dropped. */
  add(timeMs: number, value: number): void {
    const step = Math.round(timeMs / this.stepMs);
    const index = Math.floor(step / chunkPoints);
    let chunk = this.#chunks.find((each) => each.index === index);
    if (chunk === undefined) {
      if (index <= Math.floor(this.#newest / chunkPoints) - this.chunksMax) return;
      chunk = { index, values: new Float64Array(chunkPoints).fill(NaN) };
      this.#chunks.push(chunk);
      this.#chunks.sort((a, b) => a.index - b.index);
      const oldest = this.#chunks.at(-1)!.index - this.chunksMax + 1;
      this.#chunks = this.#chunks.filter((each) => each.index >= oldest);
    }
    chunk.values[step - index * chunkPoints] = value;
    this.#newest = Math.max(this.#newest, step);
    this.#dirty.add(index);
  }

  /** The last `count` values, oldest first, gaps as NaN; fewer where the past is shorter. */
  last(count: number): Float64Array {
    const first = this.#chunks[0];
    if (first === undefined) return new Float64Array(0);
    const from = Math.max(first.index * chunkPoints, this.#newest - count + 1);
    const values = new Float64Array(this.#newest - from + 1).fill(NaN);
    for (const { index, values: kept } of this.#chunks) {
      const start = index * chunkPoints;
      for (let i = Math.max(0, from - start); i < chunkPoints && start + i <= this.#newest; i++)
        values[start + i - from] = kept[i]!;
    }
    return values;
  }

  /** Chunks changed since {@link markClean}, by index. */
  dirtyChunks(): Map<number, Uint8Array> {
    const chunks = this.#chunks.filter(({ index }) => this.#dirty.has(index));
    return new Map(chunks.map(({ index, values }) => [index, new Uint8Array(values.slice().buffer)]));
  }

  markClean(): void {
    this.#dirty.clear();
  }

  markDirty(index: number): void {
    this.#dirty.add(index);
  }

  /** Takes a chunk back. @throws RangeError when its length is wrong. */
  restore(index: number, bytes: Uint8Array): void {
    if (bytes.length !== chunkPoints * 8)
      throw new RangeError(`a chunk has ${chunkPoints * 8} bytes, this one ${bytes.length}`);
    const values = new Float64Array(Uint8Array.from(bytes).buffer);
    for (let i = 0; i < chunkPoints; i++)
      if (!Number.isNaN(values[i])) this.add((index * chunkPoints + i) * this.stepMs, values[i]!);
    this.#dirty.delete(index);
  }
}
