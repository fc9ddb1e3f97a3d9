import { burnRate, type EventCounts, errorBudgetRemaining, errorRatio, projectExhaustion } from './burn.js';
import type { BurnWindow } from './burn-windows.js';
import type { SloDefinition } from './compile.js';

/** What one pair of burn windows says. */
export interface PairEvaluation {
  readonly window: BurnWindow;
  readonly longBurn: number;
  readonly shortBurn: number;
  readonly long: EventCounts;
  readonly short: EventCounts;
  /** Both windows burn faster than the factor. */
  readonly isFiring: boolean;
}

/** How an SLO stands. Windows end at `windowEndMs`, the end of the finest bucket that holds the time asked for. */
export interface SloEvaluation {
  readonly slo: string;
  readonly atMs: number;
  readonly windowEndMs: number;
  readonly pairs: readonly PairEvaluation[];
  /** Counts, error ratio and burn over the whole SLO window. */
  readonly counts: EventCounts;
  readonly errorRatio: number;
  readonly burnRate: number;
  /** Fraction of the error budget left: 1 untouched, 0 spent, negative overspent. */
  readonly budgetRemaining: number;
  /** When the budget ends if the burn of the 1 h window (scaled) goes on; undefined while nothing burns. */
  readonly exhaustionMs: number | undefined;
}

/**
 * Judges an SLO by its counts.
 * @param sum good and total events in (fromMs, toMs].
 */
export function evaluateSlo(
  definition: SloDefinition,
  atMs: number,
  sum: (fromMs: number, toMs: number) => EventCounts,
): SloEvaluation {
  const { name, target, windowMs, bucketMs, alertWindows } = definition;
  const windowEndMs = Math.ceil(atMs / bucketMs) * bucketMs;
  const pairs = alertWindows.map((window): PairEvaluation => {
    const long = sum(windowEndMs - window.longMs, windowEndMs);
    const short = sum(windowEndMs - window.shortMs, windowEndMs);
    const longBurn = burnRate(long, target);
    const shortBurn = burnRate(short, target);
    return {
      window,
      longBurn,
      shortBurn,
      long,
      short,
      isFiring: longBurn > window.factor && shortBurn > window.factor,
    };
  });
  const counts = sum(windowEndMs - windowMs, windowEndMs);
  const remaining = errorBudgetRemaining(counts, target);
  return {
    slo: name,
    atMs,
    windowEndMs,
    pairs,
    counts,
    errorRatio: errorRatio(counts),
    burnRate: burnRate(counts, target),
    budgetRemaining: remaining,
    exhaustionMs: projectExhaustion({ atMs, remaining, burnRate: pairs[0]?.longBurn ?? 0, windowMs }),
  };
}

export interface Budget {
  /** Bad events that the target allows for the events of the window. */
  readonly allowed: number;
  readonly spent: number;
  readonly remainingFraction: number;
}

/** The error budget in events, for people. */
export function budgetOf({ target }: SloDefinition, { counts, budgetRemaining }: SloEvaluation): Budget {
  return {
    allowed: counts.total * (1 - target),
    spent: Math.max(0, counts.total - counts.good),
    remainingFraction: budgetRemaining,
  };
}
