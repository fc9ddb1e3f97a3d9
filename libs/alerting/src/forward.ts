import type { Alert } from './alert-groups.js';

/** What fires is said again at this interval, as Prometheus does (rules.ResendDelay): far below a resolve_timeout. */
export const resendMs = 60_000;
/** A firing alert ends this long after it was last said, so that a dead sender's alerts end by themselves; 4 as in Prometheus. */
const keptResends = 4;

/** Body of Alertmanager's `POST /api/v2/alerts`. */
export function forwardPayload(alerts: readonly Alert[], nowMs: number): string {
  return JSON.stringify(
    alerts.map(({ labels, annotations, startsAtMs, endsAtMs, generatorUrl }) => ({
      labels,
      annotations,
      startsAt: new Date(startsAtMs).toISOString(),
      endsAt: new Date(endsAtMs ?? nowMs + keptResends * resendMs).toISOString(),
      generatorURL: generatorUrl,
    })),
  );
}
