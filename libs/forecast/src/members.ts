/**
 * Simple forecasters whose mean is hard to beat (Makridakis et al., "The M4 Competition", IJF 2020). Each reads a
 * history, oldest first, evenly spaced and finite, and answers `horizon` values. Each is deterministic.
 */
export interface Member {
  readonly name: string;
  /** How many points it needs. */
  readonly needs: (season: number) => number;
  readonly forecast: (history: Float64Array, horizon: number, season: number) => Float64Array;
}

const grid = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9] as const;

/** Simple exponential smoothing; alpha by the smallest one-step squared error (Hyndman & Athanasopoulos, ch. 8.1). */
function smooth(values: Float64Array): { level: number; alpha: number } {
  let best = { level: values.at(-1) ?? 0, alpha: 1, loss: Infinity };
  for (const alpha of grid) {
    let level = values[0] ?? 0;
    let loss = 0;
    for (let t = 1; t < values.length; t++) {
      const error = values[t]! - level;
      loss += error * error;
      level += alpha * error;
    }
    if (loss < best.loss) best = { level, alpha, loss };
  }
  return best;
}

/** Least-squares slope per step. */
export function slope(values: Float64Array): number {
  const n = values.length;
  if (n < 2) return 0;
  const centre = (n - 1) / 2;
  let mean = 0;
  for (const value of values) mean += value / n;
  let over = 0;
  let under = 0;
  for (let t = 0; t < n; t++) {
    over += (t - centre) * (values[t]! - mean);
    under += (t - centre) ** 2;
  }
  return over / under;
}

/** Means of the phases of a season around their common mean; later seasons weigh more. */
function seasonalProfile(values: Float64Array, season: number): Float64Array {
  const sums = new Float64Array(season);
  const weights = new Float64Array(season);
  const n = values.length;
  for (let t = 0; t < n; t++) {
    const weight = 0.7 ** Math.floor((n - 1 - t) / season);
    sums[t % season]! += weight * values[t]!;
    weights[t % season]! += weight;
  }
  let mean = 0;
  for (let p = 0; p < season; p++) {
    sums[p] = weights[p] === 0 ? 0 : sums[p]! / weights[p]!;
    mean += sums[p]! / season;
  }
  return sums.map((value) => value - mean);
}

const fill = (horizon: number, at: (h: number) => number): Float64Array =>
  Float64Array.from({ length: horizon }, (_, h) => at(h + 1));

const level: Member = {
  name: 'level',
  needs: () => 2,
  forecast: (history, horizon) => {
    const { level: last } = smooth(history);
    return fill(horizon, () => last);
  },
};

/** Holt's linear trend with damping 0.9 (Gardner & McKenzie 1985), alpha and beta by grid. */
const dampedTrend: Member = {
  name: 'damped-trend',
  needs: () => 6,
  forecast: (history, horizon) => {
    const phi = 0.9;
    let best = { level: 0, trend: 0, loss: Infinity };
    for (const alpha of [0.1, 0.2, 0.35, 0.5, 0.8]) {
      for (const beta of [0.02, 0.05, 0.1, 0.25]) {
        let [l, b, loss] = [history[0]!, 0, 0];
        for (let t = 1; t < history.length; t++) {
          const error = history[t]! - l - phi * b;
          loss += error * error;
          l += phi * b + alpha * error;
          b = phi * b + beta * error;
        }
        if (loss < best.loss) best = { level: l, trend: b, loss };
      }
    }
    let damp = 0;
    let power = 1;
    return fill(horizon, () => {
      power *= phi;
      damp += power;
      return best.level + damp * best.trend;
    });
  },
};

/** The theta method (Assimakopoulos & Nikolopoulos 2000) as SES with half the slope as drift (Hyndman & Billah 2003). */
const theta: Member = {
  name: 'theta',
  needs: () => 6,
  forecast: (history, horizon) => {
    const drift = slope(history) / 2;
    const { level: last, alpha } = smooth(history);
    return fill(horizon, (h) => last + drift * (h - 1 + 1 / alpha));
  },
};

const seasonalNaive: Member = {
  name: 'seasonal-naive',
  needs: (season) => season,
  forecast: (history, horizon, season) => fill(horizon, (h) => history[history.length - season + ((h - 1) % season)]!),
};

/** Level smoothed on the deseasonalised history, the profile put back. */
const seasonalLevel: Member = {
  name: 'seasonal-level',
  needs: (season) => 2 * season,
  forecast: (history, horizon, season) => {
    const profile = seasonalProfile(history, season);
    const flat = history.map((value, t) => value - profile[t % season]!);
    const { level: last } = smooth(flat);
    return fill(horizon, (h) => last + profile[(history.length + h - 1) % season]!);
  },
};

export const plainMembers: readonly Member[] = [level, dampedTrend, theta];
export const seasonalMembers: readonly Member[] = [seasonalNaive, seasonalLevel];
