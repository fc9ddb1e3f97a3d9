import type { ByteReader, ByteWriter } from '@vigil/telemetry';

const dayMs = 86_400_000;
const slotsMax = 288;
const perSlot = 3;

/** What was measured at this time of the day before: the last values of each slot of the day. */
export class SeasonalStore {
  readonly #slots: number;
  readonly #values: Float64Array;
  readonly #counts: Uint8Array;
  readonly #sorted = new Float64Array(3 * perSlot);

  constructor(intervalMs: number) {
    this.#slots = Math.min(slotsMax, Math.max(1, Math.round(dayMs / intervalMs)));
    this.#values = new Float64Array(this.#slots * perSlot);
    this.#counts = new Uint8Array(this.#slots);
  }

  /** Median of this slot and its neighbours; NaN before the slot has two values. */
  expected(timeMs: number): number {
    const slot = this.#slotOf(timeMs);
    if (this.#held(slot) < 2) return NaN;
    let length = 0;
    for (let d = -1; d <= 1; d++) {
      const near = (slot + d + this.#slots) % this.#slots;
      for (let i = 0; i < this.#held(near); i++) this.#sorted[length++] = this.#values[near * perSlot + i]!;
      if (this.#slots === 1) break;
    }
    const sorted = this.#sorted.subarray(0, length).sort();
    return length % 2 === 1 ? sorted[length >> 1]! : (sorted[length / 2 - 1]! + sorted[length / 2]!) / 2;
  }

  add(timeMs: number, value: number): void {
    const slot = this.#slotOf(timeMs);
    const count = this.#counts[slot]!;
    this.#values[slot * perSlot + (count % perSlot)] = value;
    // Past the first round only the place within the ring matters.
    this.#counts[slot] = count + 1 === 2 * perSlot ? perSlot : count + 1;
  }

  write(out: ByteWriter): void {
    out.lane(this.#values);
    for (const count of this.#counts) out.u8(count);
  }

  read(from: ByteReader): void {
    from.lane(this.#values);
    for (let slot = 0; slot < this.#slots; slot++) this.#counts[slot] = from.u8();
  }

  #held(slot: number): number {
    return Math.min(this.#counts[slot]!, perSlot);
  }

  #slotOf(timeMs: number): number {
    return Math.floor(((((timeMs % dayMs) + dayMs) % dayMs) / dayMs) * this.#slots);
  }
}
