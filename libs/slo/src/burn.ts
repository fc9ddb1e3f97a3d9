/** Events of a window: `good` of `total`. Counts may be fractions where a counter is. */
export interface EventCounts {
  readonly good: number;
  readonly total: number;
}

/**
 * Share of bad events, 0 to 1; 0 for a window without events. Good and total often come from different series whose
 * samples arrive moments apart, so that a short window can hold more good than total: that is no credit.
 */
export function errorRatio({ good, total }: EventCounts): number {
  // No traffic is not an outage.
  if (!(total > 0)) return 0;
  return Math.min(1, Math.max(0, (total - good) / total));
}

/**
 * How many times faster than sustainable the error budget is spent (Site Reliability Workbook, chapter 5): the error
 * ratio over what the target allows. 1 spends exactly the budget over the SLO window; 0 for a window without events;
 * Infinity for any error against a target of 1.
 *
 * `burnRate({ good: 990, total: 1000 }, 0.99) // 1`
 */
export function burnRate(counts: EventCounts, target: number): number {
  const errors = errorRatio(counts);
  return errors === 0 ? 0 : errors / (1 - target);
}

/**
 * What is left of the error budget, as a fraction of it, given the counts of the whole SLO window: 1 untouched, 0 spent,
 * negative overspent.
 */
export function errorBudgetRemaining(counts: EventCounts, target: number): number {
  return 1 - burnRate(counts, target);
}

/**
 * The fraction of the SLO window's budget that a burn rate spends in a time, given even traffic.
 *
 * `budgetSpent({ burnRate: 14.4, durationMs: 3_600_000, windowMs: 30 * 86_400_000 }) // 0.02`
 */
export function budgetSpent(burn: {
  readonly burnRate: number;
  readonly durationMs: number;
  readonly windowMs: number;
}): number {
  return (burn.burnRate * burn.durationMs) / burn.windowMs;
}

export interface ExhaustionInput {
  readonly atMs: number;
  /** Fraction of the budget left. */
  readonly remaining: number;
  readonly burnRate: number;
  /** The SLO's window. */
  readonly windowMs: number;
}

/**
 * When the budget will be spent if the burn goes on: `remaining * windowMs / burnRate` from now. Old errors that leave
 * the rolling window meanwhile are not credited, so the time is the earliest. `atMs` when it is spent already, undefined
 * when nothing burns.
 */
export function projectExhaustion({ atMs, remaining, burnRate: burn, windowMs }: ExhaustionInput): number | undefined {
  if (remaining <= 0) return atMs;
  if (!(burn > 0)) return undefined;
  return atMs + (remaining * windowMs) / burn;
}
