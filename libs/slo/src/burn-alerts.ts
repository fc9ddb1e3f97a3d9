import type { BurnWindow } from './burn-windows.js';
import type { SloEvaluation } from './evaluation.js';

/** An alert opened or closed. */
export interface BurnTransition {
  /**
   * `<slo>:<pair>:<window edge of the first firing evaluation in ms>`: the same for the opening and the closing, and
   * the same whenever the same counts are judged at the same edges. Never made of a score.
   */
  readonly id: string;
  readonly slo: string;
  readonly window: BurnWindow;
  readonly status: 'firing' | 'resolved';
  /** Window edge at which it began to fire. */
  readonly startsAtMs: number;
  /** Window edge at which it was resolved. */
  readonly endsAtMs?: number | undefined;
  readonly longBurn: number;
  readonly shortBurn: number;
}

interface AlertState {
  /** Window edge at which it began to fire; undefined while it rests. */
  startsAtMs: number | undefined;
  /** Edge of the last evaluation taken. */
  edgeMs: number;
}

const formatVersion = 1;

/**
 * Opens an alert when both windows of a pair burn too fast, and closes it when the short one no longer does: the long
 * one stays high for long after the trouble is over. Between the two it stays as it is, so an alert does not flap with the
 * long window's edge. An evaluation of an edge that is not newer than the last one changes nothing: what has been said
 * stands, late data corrects budgets.
 */
export class BurnAlerts {
  readonly #states = new Map<string, AlertState>();

  /** @returns what changed with this evaluation. */
  update({ slo, windowEndMs, pairs }: SloEvaluation): BurnTransition[] {
    const transitions: BurnTransition[] = [];
    for (const { window, longBurn, shortBurn, isFiring } of pairs) {
      const key = `${slo}:${window.name}`;
      const state = this.#states.get(key) ?? { startsAtMs: undefined, edgeMs: -Infinity };
      if (windowEndMs <= state.edgeMs) continue;
      state.edgeMs = windowEndMs;
      this.#states.set(key, state);
      const { startsAtMs } = state;
      const said = { slo, window, longBurn, shortBurn };
      if (startsAtMs === undefined && isFiring) {
        state.startsAtMs = windowEndMs;
        transitions.push({ ...said, id: `${key}:${windowEndMs}`, status: 'firing', startsAtMs: windowEndMs });
      } else if (startsAtMs !== undefined && shortBurn <= window.factor) {
        state.startsAtMs = undefined;
        transitions.push({
          ...said,
          id: `${key}:${startsAtMs}`,
          status: 'resolved',
          startsAtMs,
          endsAtMs: windowEndMs,
        });
      }
    }
    return transitions;
  }

  /** Whether the pair of the SLO fires. */
  isFiring(slo: string, pair: string): boolean {
    return this.#states.get(`${slo}:${pair}`)?.startsAtMs !== undefined;
  }

  /** The state as JSON text. */
  serialise(): string {
    const alerts = [...this.#states].map(([key, { startsAtMs, edgeMs }]) => [key, edgeMs, startsAtMs ?? null] as const);
    return JSON.stringify({ version: formatVersion, alerts: alerts.sort(([a], [b]) => (a < b ? -1 : 1)) });
  }

  /** @throws RangeError when the text is of another version. */
  static restore(text: string): BurnAlerts {
    const { version, alerts } = JSON.parse(text) as {
      version: number;
      alerts: readonly (readonly [string, number, number | null])[];
    };
    if (version !== formatVersion) {
      throw new RangeError(`burn alerts of version ${version}; this program reads version ${formatVersion}`);
    }
    const restored = new BurnAlerts();
    for (const [key, edgeMs, startsAtMs] of alerts) {
      restored.#states.set(key, { edgeMs, startsAtMs: startsAtMs ?? undefined });
    }
    return restored;
  }
}
