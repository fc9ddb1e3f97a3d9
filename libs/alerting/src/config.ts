import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

/** Thin part of Alertmanager's configuration file: one route, webhook receivers. Names and defaults are its own. */
const duration = z
  .string()
  .regex(/^(\d+(ms|[smhdw]))+$/, 'must be a duration such as 30s, 5m or 1h30m')
  .transform((text) => {
    const units: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };
    let ms = 0;
    for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g)) ms += Number(amount) * units[unit!]!;
    return ms;
  });

const configSchema = z.strictObject({
  route: z.strictObject({
    receiver: z.string(),
    group_by: z.array(z.string()).default([]),
    group_wait: duration.default(30_000),
    group_interval: duration.default(300_000),
    repeat_interval: duration.default(14_400_000),
  }),
  receivers: z.array(
    z.strictObject({
      name: z.string().min(1, 'must not be empty'),
      webhook_configs: z
        .array(
          z.strictObject({
            url: z.url('must be a URL'),
            send_resolved: z.boolean().default(true),
            max_alerts: z.int().min(0, 'must be 0 (all) or more').default(0),
          }),
        )
        .default([]),
    }),
  ),
});

export interface WebhookReceiver {
  readonly url: string;
  readonly sendResolved: boolean;
  /** 0: all. */
  readonly maxAlerts: number;
}

export interface AlertingConfig {
  readonly receiver: string;
  readonly groupBy: readonly string[];
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
  readonly webhooks: readonly WebhookReceiver[];
}

/** A configuration file that cannot be used; the message names file, line and field. */
export class AlertingConfigError extends Error {
  readonly code = 'bad-alerting-config';
  constructor(message: string) {
    super(message);
    this.name = AlertingConfigError.name;
  }
}

/** @throws AlertingConfigError for the first thing that is wrong. */
export function parseAlertingConfig(text: string, file: string): AlertingConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new AlertingConfigError(`${file}:${lines.linePos(broken.pos[0]).line}: ${broken.message.split('\n')[0]}`);
  const parsed = configSchema.safeParse(document.toJS());
  const fail = (path: readonly PropertyKey[], message: string): never => {
    const keys = path.filter((key) => typeof key !== 'symbol');
    let node: unknown;
    for (let depth = keys.length; depth >= 0 && node === undefined; depth--)
      node = document.getIn(keys.slice(0, depth), true);
    const at = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? 0;
    throw new AlertingConfigError(`${file}:${lines.linePos(at).line}: ${keys.join('.')}: ${message}`);
  };
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return fail(issue.path, issue.message);
  }
  const { route, receivers } = parsed.data;
  const receiver = receivers.find(({ name }) => name === route.receiver);
  if (receiver === undefined) return fail(['route', 'receiver'], `'${route.receiver}' is no receiver of this file`);
  return {
    receiver: receiver.name,
    groupBy: route.group_by,
    groupWaitMs: route.group_wait,
    groupIntervalMs: route.group_interval,
    repeatIntervalMs: route.repeat_interval,
    webhooks: receiver.webhook_configs.map((webhook) => ({
      url: webhook.url,
      sendResolved: webhook.send_resolved,
      maxAlerts: webhook.max_alerts,
    })),
  };
}
