import { Detector, Episode, type EpisodeChange } from '@vigil/anomaly';
import type { Watch } from '@vigil/promql';
import { ByteReader, ByteWriter, fingerprint, type Labels } from '@vigil/telemetry';
import { PointRing } from './point-ring.js';

const version = 1;

/** A change of an open anomaly, with the numbers that it rests on. */
export interface SeriesChange extends EpisodeChange {
  readonly series: WatchedSeriesState;
  readonly evidence: Readonly<Record<'value' | 'expected' | 'lower' | 'upper' | 'score', number>>;
}

/** Of one watch with one set of labels; stable over restarts. */
export const seriesId = (watch: Watch, labels: Labels): string => fingerprint({ ...labels, __watch__: watch.name });

/** One series that a watch evaluates to: its detector, whether an anomaly is open, and its recent points. */
export class WatchedSeriesState {
  readonly id: string;
  readonly points = new PointRing();
  isDirty = true;
  #detector = new Detector();
  readonly #episode = new Episode();
  #lastMs = 0;

  constructor(
    readonly watch: Watch,
    readonly labels: Labels,
  ) {
    this.id = seriesId(watch, labels);
  }

  get isOpen(): boolean {
    return this.#episode.isOpen;
  }

  get lastMs(): number {
    return this.#lastMs;
  }

  add(timeMs: number, value: number): SeriesChange | undefined {
    if (timeMs <= this.#lastMs) return undefined;
    this.isDirty = true;
    this.#lastMs = timeMs;
    const judgement = this.#detector.update(timeMs, value);
    const change = this.#episode.update(timeMs, value, judgement, this.watch.direction);
    const { expected, lower, upper, score } = judgement;
    const isAnomaly = judgement.isAnomaly || (this.isOpen && judgement.isOutside);
    this.points.push({ t: timeMs, value, expected, lower, upper, score, isAnomaly });
    return change === undefined ? undefined : this.#tell(change);
  }

  /** Nothing more is heard of it: an open anomaly is over. */
  silent(timeMs: number): SeriesChange | undefined {
    const change = this.#episode.end(timeMs);
    if (change === undefined) return undefined;
    this.isDirty = true;
    return this.#tell(change);
  }

  write(): Uint8Array {
    const out = new ByteWriter();
    out.u8(version);
    out.text(this.watch.name);
    out.text(queryKey(this.watch));
    out.text(JSON.stringify(this.labels));
    out.f64(this.#lastMs);
    out.u32(this.points.written);
    this.#episode.write(out);
    const detector = this.#detector.snapshot();
    out.u32(detector.length);
    return Buffer.concat([out.finish(), detector]);
  }

  /** Undefined where the watch is gone or asks something else now. @throws RangeError for bytes cut short. */
  static restore(
    bytes: Uint8Array,
    watches: ReadonlyMap<string, Watch>,
    chunk: (id: string, chunk: number) => Uint8Array | undefined,
  ): WatchedSeriesState | undefined {
    const from = new ByteReader(bytes);
    if (from.u8() !== version) return undefined;
    const watch = watches.get(from.text());
    if (watch === undefined || from.text() !== queryKey(watch)) return undefined;
    const state = new WatchedSeriesState(watch, JSON.parse(from.text()) as Labels);
    state.#lastMs = from.f64();
    state.points.restore(from.u32(), (n) => chunk(state.id, n));
    state.#episode.read(from);
    const length = from.u32();
    state.#detector = Detector.restore(bytes.subarray(bytes.length - length));
    state.isDirty = false;
    return state;
  }

  #tell(change: EpisodeChange): SeriesChange {
    const { value, expected, lower, upper, score } = this.points.last(1)[0]!;
    return { ...change, series: this, evidence: { value, expected, lower, upper, score } };
  }
}

const queryKey = ({ queryText, stepMs }: Watch): string => `${stepMs} ${queryText}`;
