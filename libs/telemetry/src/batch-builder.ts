import type { SampleBatch } from './model.js';

/** Collects samples of one payload in arrays that grow; reused from payload to payload. */
export class BatchBuilder {
  #ids = new Uint32Array(4_096);
  #times = new Float64Array(4_096);
  #values = new Float64Array(4_096);
  #starts = new Float64Array(4_096);
  #hasStarts = false;
  length = 0;

  reset(): void {
    this.length = 0;
    this.#hasStarts = false;
  }

  /** @param startMs when the counter started, 0 where unknown. */
  add(id: number, timeMs: number, value: number, startMs: number): void {
    if (this.length === this.#ids.length) this.#grow();
    this.#ids[this.length] = id;
    this.#times[this.length] = timeMs;
    this.#values[this.length] = value;
    this.#starts[this.length] = startMs;
    if (startMs > 0) this.#hasStarts = true;
    this.length++;
  }

  /** Gives the samples from index `from` on their series, once it is known. */
  assign(from: number, id: number): void {
    this.#ids.fill(id, from, this.length);
  }

  /** Exactly sized copies; the builder may be reused. */
  build(): SampleBatch {
    const { length } = this;
    return {
      length,
      ids: this.#ids.slice(0, length),
      times: this.#times.slice(0, length),
      values: this.#values.slice(0, length),
      starts: this.#hasStarts ? this.#starts.slice(0, length) : undefined,
    };
  }

  #grow(): void {
    const capacity = this.#ids.length * 2;
    const ids = new Uint32Array(capacity);
    ids.set(this.#ids);
    this.#ids = ids;
    const wider = (lane: Float64Array): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(capacity);
      larger.set(lane);
      return larger;
    };
    this.#times = wider(this.#times);
    this.#values = wider(this.#values);
    this.#starts = wider(this.#starts);
  }
}
