/**
 * The season of a history in steps, or 1 where there is none: the lag with the highest autocorrelation of the
 * detrended history among local maxima, if that beats both the 99 % limit of noise and a fixed floor.
 * Looks at lags up to a third of the history, so that three seasons were seen.
 */
export function findSeason(history: Float64Array): number {
  const n = history.length;
  const longest = Math.floor(n / 3);
  if (longest < 3) return 1;
  // First differences take trend and slow drift away; without it every lag of a trend looks like a season.
  const diff = new Float64Array(n - 1);
  let mean = 0;
  for (let t = 1; t < n; t++) {
    diff[t - 1] = history[t]! - history[t - 1]!;
    mean += diff[t - 1]! / (n - 1);
  }
  let variance = 0;
  for (let t = 0; t < diff.length; t++) variance += (diff[t]! - mean) ** 2;
  if (variance === 0) return 1;
  const correlation = new Float64Array(longest + 1);
  for (let lag = 1; lag <= longest; lag++) {
    let sum = 0;
    for (let t = lag; t < diff.length; t++) sum += (diff[t]! - mean) * (diff[t - lag]! - mean);
    correlation[lag] = sum / variance;
  }
  const floor = Math.max(0.2, 2.6 / Math.sqrt(n));
  let best = 1;
  let height = floor;
  for (let lag = 2; lag < longest; lag++) {
    const here = correlation[lag]!;
    // A multiple of the season correlates nearly as well: a longer lag must be clearly better.
    if (here > height * (best === 1 ? 1 : 1.15) && here >= correlation[lag - 1]! && here >= correlation[lag + 1]!) {
      best = lag;
      height = here;
    }
  }
  return best;
}
