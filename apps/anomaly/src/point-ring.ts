import type { AnomalyPoint } from '@vigil/contracts';
import { ByteReader, ByteWriter } from '@vigil/telemetry';

const width = 7;
const chunkPoints = 100;
const capacity = 6 * chunkPoints;

/** The last points of one series, written in chunks so that a commit holds only what changed. */
export class PointRing {
  readonly #lane = new Float64Array(capacity * width);
  #written = 0;
  readonly dirty = new Set<number>();

  get length(): number {
    return Math.min(this.#written, capacity);
  }

  push({ t, value, expected, lower, upper, score, isAnomaly }: AnomalyPoint): void {
    const at = this.#written % capacity;
    this.#lane.set([t, value, expected, lower, upper, score, isAnomaly ? 1 : 0], at * width);
    this.#written++;
    this.dirty.add(Math.floor(at / chunkPoints));
  }

  /** The last points, oldest first. */
  last(limit: number): AnomalyPoint[] {
    const count = Math.min(limit, this.length);
    return Array.from({ length: count }, (_, i) => this.#at(this.#written - count + i));
  }

  /** The last values, oldest first; undefined while there are fewer. */
  lastValues(count: number): Float64Array | undefined {
    if (this.length < count) return undefined;
    return Float64Array.from(
      { length: count },
      (_, i) => this.#lane[((this.#written - count + i) % capacity) * width + 1]!,
    );
  }

  get written(): number {
    return this.#written;
  }

  write(chunk: number): Uint8Array {
    const out = new ByteWriter();
    out.lane(this.#chunk(chunk));
    return out.finish();
  }

  /** @param chunks bytes by number; absent ones were never written. */
  restore(written: number, chunks: (chunk: number) => Uint8Array | undefined): void {
    this.#written = written;
    for (let chunk = 0; chunk * chunkPoints < this.length; chunk++) {
      const bytes = chunks(chunk);
      if (bytes !== undefined) new ByteReader(bytes).lane(this.#chunk(chunk));
    }
  }

  #chunk(chunk: number): Float64Array {
    return this.#lane.subarray(chunk * chunkPoints * width, (chunk + 1) * chunkPoints * width);
  }

  #at(n: number): AnomalyPoint {
    const at = (n % capacity) * width;
    const [t, value, expected, lower, upper, score, flag] = this.#lane.subarray(at, at + width) as unknown as [
      ...[number, number, number, number],
      ...[number, number, number],
    ];
    return { t, value, expected, lower, upper, score, isAnomaly: flag === 1 };
  }
}
