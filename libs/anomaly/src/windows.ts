import type { ByteReader, ByteWriter } from '@vigil/telemetry';

/** Plain mean first, then with a half-life: the k-th value weighs `max(1 - 2^(-1/halfLife), 1/k)`. */
export class RunningMean {
  mean = 0;
  count = 0;

  /** @param weightMin of a value, once there are many. */
  constructor(private readonly weightMin: number) {}

  static withHalfLife(halfLife: number): RunningMean {
    return new RunningMean(1 - 2 ** (-1 / halfLife));
  }

  add(value: number): void {
    this.count++;
    this.mean += Math.max(this.weightMin, 1 / this.count) * (value - this.mean);
  }

  /** The value less the mean before it; NaN for the first. */
  deviation(value: number): number {
    return this.count === 0 ? NaN : value - this.mean;
  }

  reset(): void {
    this.mean = 0;
    this.count = 0;
  }

  write(out: ByteWriter): void {
    out.f64(this.mean);
    out.f64(this.count);
  }

  read(from: ByteReader): void {
    this.mean = from.f64();
    this.count = from.f64();
  }
}

/** The last values in their order and sorted: their median costs nothing, a value one binary search. */
export class SortedWindow {
  readonly #ring: Float64Array;
  readonly #sorted: Float64Array;
  #length = 0;
  #next = 0;

  constructor(readonly capacity: number) {
    this.#ring = new Float64Array(capacity);
    this.#sorted = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** NaN while empty. */
  get median(): number {
    const half = this.#length >> 1;
    if (this.#length === 0) return NaN;
    return this.#length % 2 === 1 ? this.#sorted[half]! : (this.#sorted[half - 1]! + this.#sorted[half]!) / 2;
  }

  /** The value that the given share of the window does not exceed; 0 while empty. */
  quantile(share: number): number {
    return this.#length === 0 ? 0 : this.#sorted[Math.ceil(share * this.#length) - 1]!;
  }

  get range(): number {
    return this.#length === 0 ? 0 : this.#sorted[this.#length - 1]! - this.#sorted[0]!;
  }

  /** The value added `ago` additions before the newest. */
  recent(ago: number): number {
    return this.#ring[(this.#next - 1 - ago + 2 * this.capacity) % this.capacity]!;
  }

  add(value: number): void {
    if (this.#length === this.capacity) {
      const at = this.#search(this.#ring[this.#next]!);
      this.#sorted.copyWithin(at, at + 1, this.#length);
      this.#length--;
    }
    const at = this.#search(value);
    this.#sorted.copyWithin(at + 1, at, this.#length);
    this.#sorted[at] = value;
    this.#length++;
    this.#ring[this.#next] = value;
    this.#next = (this.#next + 1) % this.capacity;
  }

  reset(): void {
    this.#length = 0;
    this.#next = 0;
  }

  write(out: ByteWriter): void {
    out.u32(this.#length);
    for (let ago = this.#length - 1; ago >= 0; ago--) out.f64(this.recent(ago));
  }

  read(from: ByteReader): void {
    this.reset();
    for (let n = from.u32(); n > 0; n--) this.add(from.f64());
  }

  /** The first place whose value is not smaller. */
  #search(value: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The scale of a predictor's errors, robust against some that are large. */
export class ErrorScale {
  readonly #errors: SortedWindow;
  readonly #mean = new RunningMean(1 / 5_000);

  constructor(window: number) {
    this.#errors = new SortedWindow(window);
  }

  /** Undefined while fewer than 8 errors are known. */
  get scale(): number | undefined {
    if (this.#mean.count < 8) return undefined;
    return Math.max(1.4826 * this.#errors.median, 0.1 * this.#mean.mean);
  }

  add(error: number): void {
    this.#errors.add(error);
    this.#mean.add(error);
  }

  write(out: ByteWriter): void {
    this.#errors.write(out);
    this.#mean.write(out);
  }

  read(from: ByteReader): void {
    this.#errors.read(from);
    this.#mean.read(from);
  }
}
