const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export type BurnSeverity = 'page' | 'ticket';

/** A pair of windows that alert together: the long one says that it matters, the short one that it goes on. */
export interface BurnWindow {
  /** Name of the pair in the 30-day table, such as `1h/5m`: stable whatever the SLO's window. */
  readonly name: string;
  readonly longMs: number;
  readonly shortMs: number;
  /** Both windows must burn faster than this. */
  readonly factor: number;
  readonly severity: BurnSeverity;
}

/**
 * The multiwindow, multi-burn-rate table of the Site Reliability Workbook (chapter 5, table 5-8) for a window of 30 days:
 * a page when 2 % of the budget goes in 1 h or 5 % in 6 h, a ticket when 10 % goes in 1 d or 3 d.
 */
export const workbookWindows: readonly BurnWindow[] = [
  { name: '1h/5m', longMs: hourMs, shortMs: 5 * minuteMs, factor: 14.4, severity: 'page' },
  { name: '6h/30m', longMs: 6 * hourMs, shortMs: 30 * minuteMs, factor: 6, severity: 'page' },
  { name: '1d/2h', longMs: dayMs, shortMs: 2 * hourMs, factor: 3, severity: 'ticket' },
  { name: '3d/6h', longMs: 3 * dayMs, shortMs: 6 * hourMs, factor: 1, severity: 'ticket' },
];
const workbookPeriodMs = 30 * dayMs;

/** Longest SLO window that the counts in memory cover. */
export const longestSloWindowMs = 90 * dayMs;
export const shortestSloWindowMs = 10 * minuteMs;

const fineBuckets = [15, 5, 3, 2, 1].map((seconds) => seconds * secondMs);

/**
 * Width of the finest buckets of an SLO: 15 s for windows of a day and more, under a day the widest that the shortest
 * burn window holds at least twice, not below 1 s.
 */
export function bucketMsFor(windowMs: number): number {
  if (windowMs >= dayMs) return 15 * secondMs;
  const shortest = scale(workbookWindows[0]!.shortMs, windowMs);
  return fineBuckets.find((bucketMs) => bucketMs * 2 <= shortest) ?? secondMs;
}

/**
 * The workbook's pairs for an SLO window of any length: windows shrink or grow with it, so that a pair still stands for
 * the same share of the budget, and are rounded up to whole buckets. Factors stay.
 */
export function burnWindowsFor(windowMs: number): BurnWindow[] {
  const bucketMs = bucketMsFor(windowMs);
  // The small number keeps an exact multiple from becoming one bucket more by a rounding error.
  const whole = (durationMs: number): number =>
    Math.max(1, Math.ceil(scale(durationMs, windowMs) / bucketMs - 1e-9)) * bucketMs;
  return workbookWindows.map((pair) => ({ ...pair, longMs: whole(pair.longMs), shortMs: whole(pair.shortMs) }));
}

const scale = (durationMs: number, windowMs: number): number => (durationMs * windowMs) / workbookPeriodMs;
