import type { ByteReader, ByteWriter } from '@vigil/telemetry';
import { RunningMean, type SortedWindow } from './windows.js';

const prototypesMax = 100;

/**
 * Windows of the past that were unlike all before them. How far the newest window is from the nearest of them tells
 * whether its shape has been seen (a growing codebook, as in adaptive resonance).
 */
export class ShapeMemory {
  readonly #prototypes: Float32Array;
  readonly #usedAt = new Float64Array(prototypesMax);
  readonly #current: Float32Array;
  #count = 0;
  #row = 0;
  /** Bit n: the window n rows ago was unlike all before it. */
  #flags = 0;
  readonly #usual = new RunningMean(0.001);

  constructor(
    readonly width: number,
    private readonly isCentred: boolean,
  ) {
    this.#prototypes = new Float32Array(prototypesMax * width);
    this.#current = new Float32Array(width);
  }

  /** Distance of the newest window, whose last value is in `values`; NaN while little is known. */
  distance(values: SortedWindow): number {
    if (values.length < this.width) return NaN;
    this.#row++;
    this.#load(values, 0);
    const known = this.#count >= 3;
    const { distance, nearest } = this.#nearest();
    if (nearest >= 0) this.#usedAt[nearest] = this.#row;
    const delay = this.width + 1;
    if (((this.#flags >>> (delay - 1)) & 1) === 1 && values.length >= this.width + delay) this.#insert(values, delay);
    const isNew = this.#count < 3 || distance > 2 * this.#usual.mean;
    this.#flags = ((this.#flags << 1) | (isNew ? 1 : 0)) >>> 0;
    this.#usual.add(distance);
    return known ? distance : NaN;
  }

  /** Windows that reach over a gap are none. */
  restart(): void {
    this.#flags = 0;
  }

  write(out: ByteWriter): void {
    out.u32(this.#count);
    out.f64(this.#row);
    out.u32(this.#flags);
    out.lane(this.#prototypes.subarray(0, this.#count * this.width));
    out.lane(this.#usedAt.subarray(0, this.#count));
    this.#usual.write(out);
  }

  read(from: ByteReader): void {
    this.#count = Math.min(prototypesMax, from.u32());
    this.#row = from.f64();
    this.#flags = from.u32();
    from.lane(this.#prototypes.subarray(0, this.#count * this.width));
    from.lane(this.#usedAt.subarray(0, this.#count));
    this.#usual.read(from);
  }

  /** Writes the window that ended `ago` rows ago. */
  #load(values: SortedWindow, ago: number): void {
    const { width } = this;
    let mean = 0;
    if (this.isCentred) {
      for (let i = 0; i < width; i++) mean += values.recent(ago + i);
      mean /= width;
    }
    for (let i = 0; i < width; i++) this.#current[i] = values.recent(ago + i) - mean;
  }

  #nearest(): { distance: number; nearest: number } {
    const { width } = this;
    const current = this.#current;
    const prototypes = this.#prototypes;
    let best = Infinity;
    let nearest = -1;
    for (let p = 0; p < this.#count; p++) {
      let sum = 0;
      for (let i = 0, at = p * width; i < width && sum < best; i++, at++) {
        const d = current[i]! - prototypes[at]!;
        sum += d * d;
      }
      if (sum < best) {
        best = sum;
        nearest = p;
      }
    }
    return { distance: nearest < 0 ? 0 : Math.sqrt(best / width), nearest };
  }

  #insert(values: SortedWindow, ago: number): void {
    this.#load(values, ago);
    let at = this.#count;
    if (at < prototypesMax) this.#count++;
    else {
      at = 0;
      for (let p = 1; p < prototypesMax; p++) if (this.#usedAt[p]! < this.#usedAt[at]!) at = p;
    }
    this.#prototypes.set(this.#current, at * this.width);
    this.#usedAt[at] = this.#row;
  }
}
