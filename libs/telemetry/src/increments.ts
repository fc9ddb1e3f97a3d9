import type { ByteReader, ByteWriter } from './bytes.js';

/** Receives increments and their corrections: `delta` belongs to the sample at `timeMs` of the series in `slot`. */
export type IncrementSink = (slot: number, timeMs: number, delta: number) => void;

/** What became of a sample. */
export const verdict = { accepted: 0, duplicate: 1, conflict: 2, late: 3, ignored: 4 } as const;
export type Verdict = (typeof verdict)[keyof typeof verdict];

const smallestClass = 3;
const largestClass = 20;

/**
 * Turns the samples of counters into increments that are a function of the set of accepted samples, whatever their order
 * or repetition within the allowed lateness.
 *
 * Sorted by time, a sample's increment is `v - previous`, or `v` after a reset (`v` fell, or the start time is newer than
 * the previous sample); it belongs to the sample's own time. The first sample of a series is a baseline, unless its start
 * time says that it has counted from zero since. A late sample takes back what its successor had counted and counts both
 * anew. At equal times the first value wins.
 *
 * Each series keeps the samples of the allowed lateness before its newest, and one older as their neighbour, in a ring
 * within one flat slab: appending in order allocates nothing.
 */
export class IncrementTracker {
  #times = new Float64Array(4_096);
  #values = new Float64Array(4_096);
  #starts: Float64Array | undefined;
  #slabEnd = 0;
  /** Freed blocks by size class. */
  readonly #free: number[][] = Array.from({ length: largestClass + 1 }, () => []);
  #blockAt = new Int32Array(256).fill(-1);
  #classOf = new Uint8Array(256);
  #head = new Int32Array(256);
  #count = new Int32Array(256);
  readonly counted = { accepted: 0, duplicate: 0, conflict: 0, late: 0, resets: 0 };

  constructor(
    private readonly latenessMs: number,
    private readonly sink: IncrementSink,
  ) {}

  /** Samples kept of the slot; 0 for one never seen. */
  kept(slot: number): number {
    return this.#count[slot] ?? 0;
  }

  /**
   * Takes one sample of the series in `slot`.
   * @param startMs when the counter started, 0 where unknown.
   * @param isDelta the value is an increment itself, of the time from the last sample to `timeMs`.
   */
  add(slot: number, timeMs: number, value: number, startMs: number, isDelta: boolean): Verdict {
    // Stale markers and other NaN are no counts.
    if (!Number.isFinite(value) || !Number.isFinite(timeMs)) return verdict.ignored;
    if (slot >= this.#count.length) this.#growSlots(slot + 1);
    const count = this.#count[slot]!;
    if (count === 0) {
      this.#blockAt[slot] = this.#allocate(smallestClass);
      this.#classOf[slot] = smallestClass;
      this.#head[slot] = 0;
      this.#place(slot, 0, timeMs, value, startMs);
      this.#count[slot] = 1;
      this.#emit(slot, timeMs, isDelta ? value : this.#first(timeMs, value, startMs));
      this.counted.accepted++;
      return verdict.accepted;
    }
    const block = this.#blockAt[slot]!;
    const mask = (1 << this.#classOf[slot]!) - 1;
    const newest = block + ((this.#head[slot]! + count - 1) & mask);
    const newestTime = this.#times[newest]!;
    if (timeMs > newestTime) {
      const delta = isDelta ? value : this.#between(newestTime, this.#values[newest]!, value, startMs);
      this.#append(slot, timeMs, value, startMs);
      this.counted.accepted++;
      this.#emit(slot, timeMs, delta);
      return verdict.accepted;
    }
    return this.#insertLate(slot, timeMs, value, startMs, isDelta, newestTime);
  }

  /** Forgets the series; the slot may be used for another. */
  free(slot: number): void {
    if ((this.#count[slot] ?? 0) === 0) return;
    this.#free[this.#classOf[slot]!]!.push(this.#blockAt[slot]!);
    this.#count[slot] = 0;
  }

  /** Writes what the slot keeps; {@link IncrementTracker.read} takes it back. */
  write(slot: number, out: ByteWriter): void {
    const count = this.kept(slot);
    let hasStarts = false;
    if (this.#starts !== undefined)
      for (let i = 0; i < count; i++) if (this.#starts[this.#index(slot, i)]! > 0) hasStarts = true;
    out.u32(count);
    out.u8(hasStarts ? 1 : 0);
    for (let i = 0; i < count; i++) {
      const at = this.#index(slot, i);
      out.f64(this.#times[at]!);
      out.f64(this.#values[at]!);
      if (hasStarts) out.f64(this.#starts![at]!);
    }
  }

  read(slot: number, from: ByteReader): void {
    if (slot >= this.#count.length) this.#growSlots(slot + 1);
    this.free(slot);
    const count = from.u32();
    const hasStarts = from.u8() === 1;
    if (count === 0) return;
    const size = Math.max(smallestClass, Math.ceil(Math.log2(count)));
    this.#blockAt[slot] = this.#allocate(size);
    this.#classOf[slot] = size;
    this.#head[slot] = 0;
    this.#count[slot] = count;
    for (let i = 0; i < count; i++) {
      const [timeMs, value] = [from.f64(), from.f64()];
      this.#place(slot, i, timeMs, value, hasStarts ? from.f64() : 0);
    }
  }

  #emit(slot: number, timeMs: number, delta: number): void {
    if (delta !== 0) this.sink(slot, timeMs, delta);
  }

  #first(timeMs: number, value: number, startMs: number): number {
    return startMs > 0 && startMs >= timeMs - this.latenessMs ? value : 0;
  }

  #between(previousTime: number, previous: number, value: number, startMs: number): number {
    if (value < previous || startMs > previousTime) {
      this.counted.resets++;
      return value;
    }
    return value - previous;
  }

  #insertLate(
    slot: number,
    timeMs: number,
    value: number,
    startMs: number,
    isDelta: boolean,
    newestTime: number,
  ): Verdict {
    if (timeMs < newestTime - this.latenessMs) {
      this.counted.late++;
      return verdict.late;
    }
    // First kept sample at or after the late one; it exists, as the newest is not before it.
    let low = 0;
    let high = this.#count[slot]! - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[this.#index(slot, middle)]! < timeMs) low = middle + 1;
      else high = middle;
    }
    const next = this.#index(slot, low);
    const nextTime = this.#times[next]!;
    if (nextTime === timeMs) {
      const same = this.#values[next] === value;
      if (same) this.counted.duplicate++;
      else this.counted.conflict++;
      return same ? verdict.duplicate : verdict.conflict;
    }
    this.counted.accepted++;
    if (isDelta) this.#emit(slot, timeMs, value);
    else {
      const nextValue = this.#values[next]!;
      const nextStart = this.#starts?.[next] ?? 0;
      const { resets } = this.counted;
      let mine: number;
      let before: number;
      if (low === 0) {
        mine = this.#first(timeMs, value, startMs);
        before = this.#first(nextTime, nextValue, nextStart);
      } else {
        const previous = this.#index(slot, low - 1);
        mine = this.#between(this.#times[previous]!, this.#values[previous]!, value, startMs);
        before = this.#between(this.#times[previous]!, this.#values[previous]!, nextValue, nextStart);
      }
      const after = this.#between(timeMs, value, nextValue, nextStart);
      this.counted.resets = resets;
      this.#emit(slot, timeMs, mine);
      this.#emit(slot, nextTime, after - before);
    }
    this.#insert(slot, low, timeMs, value, startMs);
    return verdict.accepted;
  }

  #append(slot: number, timeMs: number, value: number, startMs: number): void {
    const mask = (1 << this.#classOf[slot]!) - 1;
    const horizon = timeMs - this.latenessMs;
    let head = this.#head[slot]!;
    let count = this.#count[slot]!;
    const block = this.#blockAt[slot]!;
    // The oldest is needed as a neighbour until the second is at the horizon itself.
    while (count > 1 && this.#times[block + ((head + 1) & mask)]! <= horizon) {
      head = (head + 1) & mask;
      count--;
    }
    this.#head[slot] = head;
    this.#count[slot] = count;
    if (count > mask) this.#widen(slot);
    this.#place(slot, count, timeMs, value, startMs);
    this.#count[slot] = count + 1;
  }

  #insert(slot: number, position: number, timeMs: number, value: number, startMs: number): void {
    const count = this.#count[slot]!;
    if (count === 1 << this.#classOf[slot]!) this.#widen(slot);
    for (let i = count; i > position; i--) {
      const from = this.#index(slot, i - 1);
      this.#place(slot, i, this.#times[from]!, this.#values[from]!, this.#starts?.[from] ?? 0);
    }
    this.#place(slot, position, timeMs, value, startMs);
    this.#count[slot] = count + 1;
  }

  #index(slot: number, i: number): number {
    return this.#blockAt[slot]! + ((this.#head[slot]! + i) & ((1 << this.#classOf[slot]!) - 1));
  }

  #place(slot: number, i: number, timeMs: number, value: number, startMs: number): void {
    const at = this.#index(slot, i);
    this.#times[at] = timeMs;
    this.#values[at] = value;
    if (startMs > 0) this.#starts ??= new Float64Array(this.#times.length);
    if (this.#starts !== undefined) this.#starts[at] = startMs;
  }

  /** Moves the ring into a block of twice its size. */
  #widen(slot: number): void {
    const size = this.#classOf[slot]! + 1;
    const block = this.#allocate(size);
    const count = this.#count[slot]!;
    for (let i = 0; i < count; i++) {
      const from = this.#index(slot, i);
      this.#times[block + i] = this.#times[from]!;
      this.#values[block + i] = this.#values[from]!;
      if (this.#starts !== undefined) this.#starts[block + i] = this.#starts[from]!;
    }
    this.#free[size - 1]!.push(this.#blockAt[slot]!);
    this.#blockAt[slot] = block;
    this.#classOf[slot] = size;
    this.#head[slot] = 0;
  }

  #allocate(size: number): number {
    const reused = this.#free[size]?.pop();
    if (reused !== undefined) return reused;
    const at = this.#slabEnd;
    this.#slabEnd += 1 << size;
    if (this.#slabEnd > this.#times.length) {
      const capacity = Math.max(this.#times.length * 2, this.#slabEnd);
      this.#times = wider(this.#times, capacity);
      this.#values = wider(this.#values, capacity);
      if (this.#starts !== undefined) this.#starts = wider(this.#starts, capacity);
    }
    return at;
  }

  #growSlots(slots: number): void {
    const capacity = Math.max(this.#count.length * 2, slots);
    const grow = (lane: Int32Array): Int32Array<ArrayBuffer> => {
      const larger = new Int32Array(capacity);
      larger.set(lane);
      return larger;
    };
    this.#blockAt = grow(this.#blockAt);
    this.#head = grow(this.#head);
    this.#count = grow(this.#count);
    const classes = new Uint8Array(capacity);
    classes.set(this.#classOf);
    this.#classOf = classes;
  }
}

function wider(lane: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(capacity);
  larger.set(lane);
  return larger;
}
