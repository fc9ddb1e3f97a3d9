import { checkSource, type DocumentError, documentSources, durationSchema, pathText } from '@vigil/catalog';
import { z } from 'zod';

/** Thin part of Alertmanager's configuration file: one route, webhook receivers. Names and defaults are its own. */
const configSchema = z.strictObject({
  route: z.strictObject({
    receiver: z.string(),
    group_by: z.array(z.string()).default([]),
    group_wait: durationSchema.default(30_000),
    group_interval: durationSchema.default(300_000),
    repeat_interval: durationSchema.default(14_400_000),
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
  const refuse = ({ line, path, message }: DocumentError): never => {
    throw new AlertingConfigError(`${file}:${line}: ${path === '' ? '' : `${path}: `}${message}`);
  };
  const [source] = documentSources(text, file, refuse);
  const config = source === undefined ? undefined : checkSource(configSchema, source, file, refuse);
  if (source === undefined || config === undefined)
    return refuse({ file, line: 1, path: '', message: 'the file is empty' });
  const { route, receivers } = config;
  const receiver = receivers.find(({ name }) => name === route.receiver);
  if (receiver === undefined) {
    const path = ['route', 'receiver'];
    const message = `'${route.receiver}' is no receiver of this file`;
    return refuse({ file, line: source.lineOf(path), path: pathText(path), message });
  }
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
