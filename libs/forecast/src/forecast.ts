import { quantileSorted } from 'simple-statistics';
import { type Member, plainMembers, seasonalMembers } from './members.js';
import { findSeason } from './season.js';

/** Version of the ensemble: part of every forecast's provenance. */
export const forecasterVersion = 'ensemble-1';

export const defaultLevels = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/** A history that no honest forecast can be made of; the message says what is missing. */
export class HistoryError extends Error {
  readonly code = 'unusable-history';
  constructor(message: string) {
    super(message);
    this.name = HistoryError.name;
  }
}

export interface ForecastRequest {
  /** Evenly spaced values, oldest first; NaN where a value is missing. */
  readonly history: Float64Array;
  /** Steps ahead, 1 or more. */
  readonly horizon: number;
  /** Season in steps; found in the history where left out, 1 for none. */
  readonly season?: number | undefined;
  /** Quantile levels in (0, 1), ascending. */
  readonly levels?: readonly number[] | undefined;
}

export interface ModelEvidence {
  readonly name: string;
  /** Share in the mean, 0 to 1. */
  readonly weight: number;
  /** Mean absolute error over the back-test origins, in the series' unit. */
  readonly backtestError: number;
}

export interface ForecastResult {
  readonly levels: readonly number[];
  readonly mean: Float64Array;
  /** One array of `horizon` values a level. */
  readonly quantiles: readonly Float64Array[];
  readonly season: number;
  readonly models: readonly ModelEvidence[];
  /** Share of back-test points within the outermost pair of quantiles; undefined without a back-test. */
  readonly backtestCoverage: number | undefined;
  readonly historyPoints: number;
}

export const shortestHistory = 8;
const originsMax = 12;

/**
 * Quantile forecasts: members combined by inverse squared back-test error, intervals from the combination's own errors at
 * rolling origins (split conformal prediction; Vovk et al. 2005), widening with the horizon.
 * A history without negative values gets no negative forecast.
 * @throws HistoryError for fewer than 8 values, RangeError for a bad horizon, season or level.
 */
export function forecast(request: ForecastRequest): ForecastResult {
  const { horizon } = request;
  if (!Number.isInteger(horizon) || horizon < 1 || horizon > 100_000)
    throw new RangeError(`horizon must be an integer from 1 to 100000, got ${horizon}`);
  const levels = checkedLevels(request.levels ?? defaultLevels);
  const history = fillGaps(request.history);
  if (history.length < shortestHistory)
    throw new HistoryError(`a forecast needs ${shortestHistory} values or more; there are ${history.length}`);
  const season = request.season ?? findSeason(history);
  if (!Number.isInteger(season) || season < 1) throw new RangeError(`season must be a positive integer, got ${season}`);

  const members = [...plainMembers, ...(season > 1 ? seasonalMembers : [])].filter(
    (member) => member.needs(season) <= history.length,
  );
  const origins = backtestOrigins(history.length, horizon, season);
  const runs = members.map((member) => origins.map((origin) => run(member, history, origin, horizon, season)));
  const errors = runs.map((byOrigin) => meanAbsoluteError(byOrigin, history, origins));
  const weights = weightsOf(errors);

  const mean = combine(
    members.map((member) => member.forecast(history, horizon, season)),
    weights,
    horizon,
  );
  const past = origins.map((_, q) =>
    combine(
      runs.map((byOrigin) => byOrigin[q]!),
      weights,
      runs[0]?.[q]?.length ?? 0,
    ),
  );
  const spread = residualsByHorizon(past, history, origins, horizon);
  const floor = history.every((value) => value >= 0) ? 0 : -Infinity;
  const quantiles = levels.map((level) =>
    mean.map((value, h) => Math.max(floor, value + quantileSorted(spread(h), level))),
  );
  return {
    levels,
    mean: mean.map((value) => Math.max(floor, value)),
    quantiles,
    season,
    models: members.map(({ name }, i) => ({ name, weight: weights[i]!, backtestError: errors[i]! })),
    backtestCoverage: coverage(past, history, origins, levels, spread),
    historyPoints: history.length,
  };
}

function checkedLevels(levels: readonly number[]): readonly number[] {
  levels.forEach((level, i) => {
    if (!(level > 0 && level < 1) || (i > 0 && level <= levels[i - 1]!))
      throw new RangeError(`levels must ascend within (0, 1), got ${levels.join(', ')}`);
  });
  return levels;
}

/** Missing values inside are interpolated; missing ends are cut: they say nothing. */
export function fillGaps(history: Float64Array): Float64Array {
  let first = 0;
  let last = history.length - 1;
  while (first <= last && !Number.isFinite(history[first])) first++;
  while (last >= first && !Number.isFinite(history[last])) last--;
  const filled = history.slice(first, last + 1);
  for (let t = 0; t < filled.length; t++) {
    if (Number.isFinite(filled[t])) continue;
    let end = t;
    while (!Number.isFinite(filled[end])) end++;
    const [from, to] = [filled[t - 1]!, filled[end]!];
    for (let i = t; i < end; i++) filled[i] = from + ((to - from) * (i - t + 1)) / (end - t + 1);
  }
  return filled;
}

/** Where the back-test pretends to stand: at most 12 origins, each with history before and values after it. */
function backtestOrigins(length: number, horizon: number, season: number): number[] {
  const needed = Math.max(shortestHistory - 2, season > 1 ? Math.min(2 * season, Math.floor(length / 2)) : 0);
  const ahead = Math.min(horizon, Math.max(1, Math.floor((length - needed) / 3)));
  const room = length - ahead - needed;
  if (room < 0) return [];
  const count = Math.min(originsMax, room + 1);
  const stride = count === 1 ? 0 : room / (count - 1);
  return [...new Set(Array.from({ length: count }, (_, q) => Math.round(needed + q * stride)))];
}

function run(member: Member, history: Float64Array, origin: number, horizon: number, season: number): Float64Array {
  const seen = history.subarray(0, origin);
  const ahead = Math.min(horizon, history.length - origin);
  if (member.needs(season) <= origin) return member.forecast(seen, ahead, season);
  return new Float64Array(ahead).fill(seen.at(-1) ?? 0);
}

function meanAbsoluteError(runs: readonly Float64Array[], history: Float64Array, origins: readonly number[]): number {
  let sum = 0;
  let count = 0;
  runs.forEach((values, q) => {
    for (let h = 0; h < values.length; h++) sum += Math.abs(values[h]! - history[origins[q]! + h]!);
    count += values.length;
  });
  return count === 0 ? 0 : sum / count;
}

function weightsOf(errors: readonly number[]): number[] {
  const smallest = Math.min(...errors);
  const raw = errors.map((error) => (smallest === 0 ? (error === 0 ? 1 : 0) : (smallest / error) ** 2));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => weight / total);
}

function combine(forecasts: readonly Float64Array[], weights: readonly number[], length: number): Float64Array {
  const mean = new Float64Array(length);
  forecasts.forEach((values, i) => {
    for (let h = 0; h < length; h++) mean[h]! += weights[i]! * values[h]!;
  });
  return mean;
}

/**
 * Sorted signed errors to be added to the mean at step h: those seen at h and its neighbours, scaled up beyond the
 * longest horizon that the back-test saw, as the errors of a random walk grow.
 */
function residualsByHorizon(
  past: readonly Float64Array[],
  history: Float64Array,
  origins: readonly number[],
  horizon: number,
): (h: number) => number[] {
  const seen = Math.max(0, ...past.map((values) => values.length));
  if (seen === 0) {
    const steps = Array.from(history.subarray(1), (value, t) => value - history[t]!);
    const symmetric = [...steps, ...steps.map((step) => -step)].sort((a, b) => a - b);
    return (h) => symmetric.map((step) => step * Math.sqrt(h + 1));
  }
  const cache = new Map<number, number[]>();
  return (h) => {
    const known = cache.get(h);
    if (known !== undefined) return known;
    const at = Math.min(h, seen - 1);
    const reach = Math.max(2, Math.floor(seen / 8));
    const errors: number[] = [];
    past.forEach((values, q) => {
      const to = Math.min(values.length - 1, at + reach);
      for (let i = Math.max(0, at - reach); i <= to; i++) errors.push(history[origins[q]! + i]! - values[i]!);
    });
    // Few errors seen say little of the tails: n errors cover the share n / (n + 1), the rest is made up by width.
    const widen = Math.sqrt(Math.max(1, (h + 1) / seen)) * (1 + 1 / Math.max(1, errors.length));
    const sorted = errors.map((error) => error * widen).sort((a, b) => a - b);
    if (horizon <= 10_000) cache.set(h, sorted);
    return sorted;
  };
}

function coverage(
  past: readonly Float64Array[],
  history: Float64Array,
  origins: readonly number[],
  levels: readonly number[],
  spread: (h: number) => number[],
): number | undefined {
  let inside = 0;
  let count = 0;
  past.forEach((values, q) => {
    for (let h = 0; h < values.length; h++) {
      const error = history[origins[q]! + h]! - values[h]!;
      const sorted = spread(h);
      if (error >= quantileSorted(sorted, levels[0]!) && error <= quantileSorted(sorted, levels.at(-1)!)) inside++;
      count++;
    }
  });
  return count === 0 ? undefined : inside / count;
}
