import type { Labels } from '@vigil/telemetry';
import type { Alert, Notification } from './alert-groups.js';
import type { WebhookReceiver } from './config.js';

/**
 * Alertmanager's webhook payload, version 4 (notify/webhook/webhook.go, template/template.go), with its fields in their
 * order and its maps sorted, as Go writes them. Undefined when the receiver wants no resolved notices and this is one.
 */
export function webhookPayload(
  { receiver, groupKey, groupLabels, status, alerts }: Notification,
  { sendResolved, maxAlerts }: WebhookReceiver,
  externalUrl: string,
): string | undefined {
  const wanted = sendResolved ? alerts : alerts.filter(({ endsAtMs }) => endsAtMs === undefined);
  if (wanted.length === 0) return undefined;
  const sent = maxAlerts > 0 ? wanted.slice(0, maxAlerts) : wanted;
  return goJson({
    receiver,
    status,
    alerts: sent.map((alert) => ({
      status: alert.endsAtMs === undefined ? 'firing' : 'resolved',
      labels: sorted(alert.labels),
      annotations: sorted(alert.annotations),
      startsAt: goTime(alert.startsAtMs),
      endsAt: alert.endsAtMs === undefined ? '0001-01-01T00:00:00Z' : goTime(alert.endsAtMs),
      generatorURL: alert.generatorUrl,
      fingerprint: alert.fingerprint,
    })),
    groupLabels: sorted(groupLabels),
    commonLabels: common(sent, ({ labels }) => labels),
    commonAnnotations: common(sent, ({ annotations }) => annotations),
    externalURL: externalUrl,
    version: '4',
    groupKey,
    truncatedAlerts: wanted.length - sent.length,
  });
}

const sorted = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

function common(alerts: readonly Alert[], of: (alert: Alert) => Labels): Labels {
  const [first, ...others] = alerts;
  const shared = Object.entries(first === undefined ? {} : of(first)).filter(([name, value]) =>
    others.every((alert) => of(alert)[name] === value),
  );
  return sorted(Object.fromEntries(shared));
}

/** RFC 3339 as Go's time.RFC3339Nano: no trailing zeros. */
function goTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
}

/** Go's encoder escapes these for HTML, and ends with a newline. */
function goJson(value: unknown): string {
  const escaped = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${escaped}\n`;
}

export type Hmac = (secret: string, data: string) => string;

/**
 * The value of `X-Vigil-Signature`: `t=<ms>,v1=<hex>` over `<t>.<body>`, so that an old delivery cannot be played again.
 * @param hmac HMAC-SHA-256 in hex.
 */
export function signWebhook(body: string, secret: string, timeMs: number, hmac: Hmac): string {
  return `t=${timeMs},v1=${hmac(secret, `${timeMs}.${body}`)}`;
}

/** What an answer means: 2xx is delivered; what may pass by itself is tried again; the rest is refused for good. */
export function classifyAnswer(status: number): 'delivered' | 'retry' | 'refused' {
  if (status >= 200 && status < 300) return 'delivered';
  return status >= 500 || status === 408 || status === 429 ? 'retry' : 'refused';
}

/**
 * How long to wait after attempt `attempt` (1 the first): doubling from 1 s to 5 minutes, less a random part of up to a half.
 * @param random in [0, 1).
 */
export function retryDelayMs(attempt: number, random: number): number {
  return Math.min(300_000, 1_000 * 2 ** Math.min(attempt - 1, 20)) * (1 - random / 2);
}
