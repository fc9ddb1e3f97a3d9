import { ByteReader, ByteWriter } from '@vigil/telemetry';
import { anomalyThreshold, detectorConfig as config } from './config.js';
import { Rarity } from './rarity.js';
import { SeasonalStore } from './seasonal-store.js';
import { ShapeMemory } from './shape-memory.js';
import { ErrorScale, RunningMean, SortedWindow } from './windows.js';

/** Why a value has its score. */
export type Reason =
  | 'usual'
  /** Too little of the series is known. */
  | 'warming-up'
  /** No finite number, or not newer than the value before. */
  | 'ignored'
  /** No predictor explains the value. */
  | 'spike'
  /** Short means have left the level they had. */
  | 'shift'
  /** Level, time of day and shape fit nothing seen before. */
  | 'misfit'
  /** It would have a score, so soon after another anomaly it is part of that. */
  | 'quiet';

export interface Judgement {
  /** 0 where nothing is wrong; {@link anomalyThreshold} or more is an anomaly. One anomaly scores once. */
  readonly score: number;
  readonly expected: number;
  /** Between these one value does not surprise. While an anomaly lasts they stay as they were before it. */
  readonly lower: number;
  readonly upper: number;
  readonly isAnomaly: boolean;
  readonly reason: Reason;
  /** The value lies outside of the band. */
  readonly isOutside: boolean;
  /** An anomaly, or values that stay outside, hold the band: until some values are back or the new level is accepted. */
  readonly isHeld: boolean;
}

interface Prediction {
  value: number;
  scale: number;
}

const version = 1;
const cadenceRows = 50;
const missing = NaN;
/** Place of the fast mean among the predictors. */
const fastAt = 2;
/** Squares of what lies further from the first value overflow. */
const distanceMax = 1e150;
const shiftLengths = [16, 64, 256] as const;

/**
 * Scores one series, value by value, and says what was expected. It reads nothing that comes later, and `a x + b` scores as
 * `x` does. Three families of channels, each against its own past ({@link Rarity}): values that no predictor explains,
 * short means that leave their level, and a level, time of day and shape that fit nothing seen before.
 */
export class Detector {
  // Time.
  #rows = 0;
  #lastMs = -Infinity;
  #backward = 0;
  #backwardMs = -Infinity;
  readonly #intervals: number[] = [];
  #intervalMs = 0;
  #gapRows = 0;
  // Predictors.
  #origin = 0;
  #range = 0;
  readonly #values = new SortedWindow(config.window);
  readonly #slow = RunningMean.withHalfLife(config.slowHalfLife);
  readonly #fast = RunningMean.withHalfLife(config.fastHalfLife);
  /** The fast mean without what lay outside of the band: where the series comes home to. */
  readonly #steady = RunningMean.withHalfLife(config.fastHalfLife);
  #season: SeasonalStore | undefined;
  readonly #shapes = [new ShapeMemory(4, true), new ShapeMemory(8, false), new ShapeMemory(16, true)] as const;
  readonly #short = shiftLengths.map((n) => new RunningMean(2 / (n + 1)));
  readonly #shortSlow = shiftLengths.map(() => RunningMean.withHalfLife(config.slowHalfLife));
  /** Errors of the median, the season and the fast mean. */
  readonly #scales = [1, 2, 3].map(() => new ErrorScale(config.window));
  /** How far values were from what was expected; those of an episode are left out. */
  readonly #bandErrors = new SortedWindow(config.window);
  #pending: number[] = [];
  // Rarities.
  readonly #misfit = [1, 2, 3, 4, 5].map(() => new Rarity());
  readonly #shift = shiftLengths.map(() => new Rarity());
  readonly #spike = new Rarity();
  // What was said.
  readonly #recent = new Float64Array(config.quietPointsMax);
  #alarmRow = -Infinity;
  #hold = 0;
  #isHeld = false;
  #inside = 0;
  #outside = 0;
  #expected = NaN;
  #lower = NaN;
  #upper = NaN;

  static restore(bytes: Uint8Array): Detector {
    const detector = new Detector();
    detector.#read(new ByteReader(bytes));
    return detector;
  }

  /** Judges the next value. A missing one (NaN, infinite) or one that is not newer changes nothing. */
  update(timeMs: number, value: number): Judgement {
    if (!this.#isNext(timeMs) || !Number.isFinite(value)) return this.#said(0, 'ignored', false);
    if (this.#rows === 0) this.#origin = value;
    const x = value - this.#origin;
    if (!(Math.abs(x) <= distanceMax)) return this.#said(0, 'ignored', false);
    this.#advance(timeMs);
    return this.#judge(timeMs, x);
  }

  /** State as bytes: a restored detector says what this one would have said. */
  snapshot(): Uint8Array {
    const out = new ByteWriter();
    out.u8(version);
    this.#scalars().forEach((value) => out.f64(value));
    out.u32(this.#intervals.length);
    this.#intervals.forEach((value) => out.f64(value));
    out.u32(this.#pending.length);
    this.#pending.forEach((value) => out.f64(value));
    out.lane(this.#recent);
    if (this.#season !== undefined) this.#season.write(out);
    this.#parts().forEach((part) => part.write(out));
    return out.finish();
  }

  #read(from: ByteReader): void {
    const found = from.u8();
    if (found !== version) throw new RangeError(`detector state version ${found} is not ${version}`);
    [this.#rows, this.#lastMs, this.#backward, this.#backwardMs, this.#intervalMs, this.#gapRows] = take(from, 6);
    [this.#origin, this.#range, this.#alarmRow, this.#hold, this.#inside, this.#outside] = take(from, 6);
    let isHeld = 0;
    [this.#expected, this.#lower, this.#upper, isHeld] = take(from, 4);
    this.#isHeld = isHeld === 1;
    for (let n = from.u32(); n > 0; n--) this.#intervals.push(from.f64());
    for (let n = from.u32(); n > 0; n--) this.#pending.push(from.f64());
    from.lane(this.#recent);
    if (this.#intervalMs > 0) (this.#season = new SeasonalStore(this.#intervalMs)).read(from);
    this.#parts().forEach((part) => part.read(from));
  }

  #scalars(): number[] {
    return [
      ...[this.#rows, this.#lastMs, this.#backward, this.#backwardMs, this.#intervalMs, this.#gapRows],
      ...[this.#origin, this.#range, this.#alarmRow, this.#hold, this.#inside, this.#outside],
      ...[this.#expected, this.#lower, this.#upper, this.#isHeld ? 1 : 0],
    ];
  }

  #parts(): { write(out: ByteWriter): void; read(from: ByteReader): void }[] {
    return [
      ...[this.#values, this.#slow, this.#fast, this.#steady, ...this.#shapes, ...this.#short, ...this.#shortSlow],
      ...[this.#bandErrors, ...this.#scales, ...this.#misfit, ...this.#shift, this.#spike],
    ];
  }

  /** Whether the time lies after the last one; a clock that was set back is believed after some rows. */
  #isNext(timeMs: number): boolean {
    if (!Number.isFinite(timeMs)) return false;
    if (timeMs > this.#lastMs) {
      this.#backward = 0;
      return true;
    }
    this.#backward = timeMs > this.#backwardMs ? this.#backward + 1 : 0;
    this.#backwardMs = timeMs;
    if (this.#backward < config.backwardRows) return false;
    this.#backward = 0;
    this.#lastMs = -Infinity;
    this.#restart();
    return true;
  }

  #advance(timeMs: number): void {
    const interval = timeMs - this.#lastMs;
    this.#lastMs = timeMs;
    this.#rows++;
    if (this.#gapRows > 0) this.#gapRows--;
    if (this.#intervalMs > 0) {
      if (interval > config.gapIntervals * this.#intervalMs && Number.isFinite(interval)) this.#restart();
      return;
    }
    if (Number.isFinite(interval)) this.#intervals.push(interval);
    if (this.#rows < cadenceRows || this.#intervals.length === 0) return;
    this.#intervals.sort((a, b) => a - b);
    this.#intervalMs = this.#intervals[this.#intervals.length >> 1]!;
    this.#intervals.length = 0;
    this.#season = new SeasonalStore(this.#intervalMs);
  }

  /** After a gap the short memory starts anew; how the series deviates is still known. */
  #restart(): void {
    this.#gapRows = config.gapPoints;
    this.#values.reset();
    this.#fast.reset();
    this.#steady.reset();
    this.#short.forEach((mean) => mean.reset());
    this.#shapes.forEach((shape) => shape.restart());
    this.#release();
  }

  #judge(timeMs: number, x: number): Judgement {
    const floor = this.#floor(x);
    const rounded = (deviation: number): number => {
      const size = Math.abs(deviation);
      return size <= floor ? 0 : size;
    };
    const predictions = this.#predictions(timeMs);
    this.#band(predictions, x, floor);
    const isOutside = this.#lower - x > floor || x - this.#upper > floor;

    this.#learnBand(Math.abs(x - this.#expected), isOutside);
    const season = predictions[1]!.value;
    const slow = rounded(this.#slow.deviation(x));
    const errors = predictions.map(({ value }) => rounded(x - value));
    const z = this.#smallestZ(predictions, errors);
    const spikeRarity = this.#spike.score(z);
    const spike = spikeRarity * Math.log2(1 + Math.min(z, config.spikeMax));
    const shift = this.#shiftRarity(x, rounded);
    this.#values.add(x);
    const misfit = rootMeanSquare([
      this.#misfit[0]!.score(slow),
      this.#misfit[1]!.score(rounded(x - season)),
      ...this.#shapes.map((shape, i) => this.#misfit[i + 2]!.score(rounded(shape.distance(this.#values)))),
    ]);
    this.#learn(timeMs, x, errors, isOutside && this.#rows > config.warmPoints);
    return this.#say(
      { spike: spike / config.spikeAlarm, shift: shift / config.shiftAlarm, misfit: misfit / config.misfitAlarm },
      isOutside,
    );
  }

  /** Differences below this are rounding of the sender or ours. The range fades, so that one outlier blinds not for ever. */
  #floor(x: number): number {
    const jump = this.#values.length === 0 ? 0 : Math.abs(x - this.#values.recent(0));
    this.#range = Math.max(this.#range * 0.9997, this.#values.range, jump);
    return config.rounding * this.#range;
  }

  #predictions(timeMs: number): Prediction[] {
    const values = [
      this.#values.length < 8 ? missing : this.#values.median,
      this.#season?.expected(timeMs) ?? missing,
      this.#fast.count === 0 ? missing : this.#fast.mean,
    ];
    return values.map((value, i) => ({ value, scale: this.#scales[i]!.scale ?? missing }));
  }

  /** The band of the predictor that errs least, unless values outside hold the one before them. */
  #band(predictions: readonly Prediction[], x: number, floor: number): void {
    if (this.#isHeld) return;
    let best: Prediction | undefined;
    for (const [i, { value, scale }] of predictions.entries())
      if (!Number.isNaN(value) && scale < (best?.scale ?? Infinity))
        best = { value: i === fastAt && this.#steady.count > 0 ? this.#steady.mean : value, scale };
    // Before errors are known, as wide again as the values seen so far.
    const half = best === undefined ? this.#values.range : this.#halfWidth(best.scale, floor);
    this.#expected = best?.value ?? (this.#values.length > 0 ? this.#values.median : x);
    this.#lower = this.#expected - half;
    this.#upper = this.#expected + half;
  }

  #halfWidth(scale: number, floor: number): number {
    const { bandWidth, bandTail, bandQuantile } = config;
    return Math.max(bandWidth * scale, bandTail * this.#bandErrors.quantile(bandQuantile), floor);
  }

  /** Distance in robust deviations from the predictor that explains the value best. */
  #smallestZ(predictions: readonly Prediction[], errors: readonly number[]): number {
    let smallest = Infinity;
    predictions.forEach(({ scale }, i) => {
      const error = errors[i]!;
      if (Number.isNaN(scale) || Number.isNaN(error)) return;
      const z = error === 0 ? 0 : scale === 0 ? 1_000 : error / scale;
      if (z < smallest) smallest = z;
    });
    return smallest === Infinity ? 0 : smallest;
  }

  #shiftRarity(x: number, rounded: (deviation: number) => number): number {
    return rootMeanSquare(
      this.#short.map((short, i) => {
        short.add(x);
        const slow = this.#shortSlow[i]!;
        const deviation = rounded(slow.deviation(short.mean));
        slow.add(short.mean);
        return this.#shift[i]!.score(deviation);
      }),
    );
  }

  /** What lies outside for a moment widens the band; what stays outside is an episode and does not. */
  #learnBand(error: number, isOutside: boolean): void {
    if (Number.isNaN(error)) return;
    if (isOutside) {
      if (this.#outside < config.persistPoints - 1) this.#pending.push(error);
      else this.#pending = [];
      return;
    }
    for (const waiting of this.#pending) this.#bandErrors.add(waiting);
    this.#pending = [];
    this.#bandErrors.add(error);
  }

  #learn(timeMs: number, x: number, errors: readonly number[], isOutside: boolean): void {
    errors.forEach((error, i) => {
      if (!Number.isNaN(error)) this.#scales[i]!.add(error);
    });
    this.#slow.add(x);
    this.#fast.add(x);
    if (!isOutside) this.#steady.add(x);
    this.#season?.add(timeMs, x);
  }

  #quietPoints(): number {
    const points = this.#intervalMs > 0 ? Math.round(config.quietMs / this.#intervalMs) : config.quietPointsMin;
    return Math.min(config.quietPointsMax, Math.max(config.quietPointsMin, points));
  }

  #inQuiet(): boolean {
    return this.#rows - this.#alarmRow <= this.#quietPoints();
  }

  /** Only the largest of a stretch scores, and an alarm has a time of quiet. */
  #say(families: Readonly<Record<'spike' | 'shift' | 'misfit', number>>, isOutside: boolean): Judgement {
    const { spike, shift, misfit } = families;
    const novelty = Math.max(shift, misfit);
    const united = Math.max(spike, Math.min(novelty, 2) ** config.noveltyPower);
    const found = united < 1 ? united : 1 + spike;
    const quiet = this.#quietPoints();
    const at = this.#rows % this.#recent.length;
    const judged = this.#rows >= config.warmPoints && this.#gapRows === 0;
    if (!judged || this.#inQuiet()) {
      this.#recent[at] = 0;
      if (judged) this.#follow(isOutside, false);
      const reason = !judged ? 'warming-up' : found >= anomalyThreshold ? 'quiet' : 'usual';
      return this.#said(0, reason, isOutside && judged);
    }
    let largest = 0;
    for (let ago = 1; ago <= quiet && ago <= this.#recent.length; ago++)
      largest = Math.max(largest, this.#recent[(at - ago + this.#recent.length) % this.#recent.length]!);
    this.#recent[at] = found;
    const score = found > largest ? found : 0;
    const isAnomaly = score >= anomalyThreshold;
    if (isAnomaly) this.#alarmRow = this.#rows;
    this.#follow(isOutside, isAnomaly);
    const reason = novelty > spike ? (shift > misfit ? 'shift' : 'misfit') : 'spike';
    return this.#said(score, isAnomaly ? reason : 'usual', isOutside);
  }

  /** Holds the band from the first value outside of it, until values are back or the new level is accepted. */
  #follow(isOutside: boolean, isAnomaly: boolean): void {
    this.#outside = isOutside ? this.#outside + 1 : 0;
    this.#inside = isOutside ? 0 : this.#inside + 1;
    if (isAnomaly || (this.#outside === config.persistPoints && this.#hold === 0)) this.#hold = config.holdPoints;
    else if (this.#hold > 0) this.#keepHolding();
    this.#isHeld = this.#hold > 0 || (this.#outside > 0 && this.#outside < config.persistPoints);
  }

  #keepHolding(): void {
    this.#hold--;
    if (this.#inside >= config.homePoints) this.#hold = 0;
    else if (this.#hold === 0) this.#accept();
  }

  /** What has lasted so long is the new level. */
  #accept(): void {
    this.#steady.mean = this.#fast.mean;
    this.#outside = 0;
  }

  #release(): void {
    this.#hold = 0;
    this.#isHeld = false;
    this.#inside = 0;
    this.#outside = 0;
  }

  #said(score: number, reason: Reason, isOutside: boolean): Judgement {
    const at = (x: number): number => x + this.#origin;
    return {
      score,
      expected: at(this.#expected),
      lower: at(this.#lower),
      upper: at(this.#upper),
      isAnomaly: score >= anomalyThreshold,
      reason,
      isOutside,
      isHeld: this.#hold > 0,
    };
  }
}

function rootMeanSquare(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum / values.length);
}

function take<Length extends number>(from: ByteReader, length: Length): Tuple<Length> {
  return Array.from({ length }, () => from.f64()) as Tuple<Length>;
}
type Tuple<Length extends number, Found extends number[] = []> = Found['length'] extends Length
  ? Found
  : Tuple<Length, [...Found, number]>;
