import { createHmac, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  type Alert,
  AlertGroups,
  type AlertingConfig,
  AlertingConfigError,
  classifyAnswer,
  forPeople,
  isForPeople,
  parseAlertingConfig,
  retryDelayMs,
  signWebhook,
  webhookPayload,
} from '@vigil/alerting';
import { type AlertMessage, schemaVersion, type Signal, signalSchema, topics } from '@vigil/contracts';
import { fingerprint } from '@vigil/telemetry';
import {
  type Assignment,
  claimOffset,
  Clock,
  type Consumption,
  enqueue,
  Log,
  LogOutbox,
  type LogRecord,
  Metrics,
  moveOffset,
  Outgoing,
  type OutboxEntry,
  recordJson,
  RelationalStore,
  retryAt,
  SettingError,
  SETTINGS,
  type Settings,
  settle,
  type Sql,
  takeDue,
  version,
} from '@vigil/platform';
import { AlertmanagerForwarder } from './alertmanager-forwarder.js';

const consumer = 'alerting';
const channel = 'webhook';
const tickMs = 250;
const leaseMs = 30_000;

interface Delivery {
  readonly url: string;
  readonly body: string;
}

const nobody: AlertingConfig = {
  receiver: 'none',
  groupBy: ['alertname', 'service'],
  groupWaitMs: 0,
  groupIntervalMs: 60_000,
  repeatIntervalMs: 14_400_000,
  webhooks: [],
};

/**
 * Turns signals into alerts and alerts into deliveries. What the groups know, the offset in the log and the outbox move in
 * one transaction: a notification is neither lost nor planned twice, and each is sent until it is taken, under one key. By
 * the same outbox it says on `vigil.alerts` what opened, what resolved and who was told, for those who act on it.
 */
@Injectable()
export class AlertingService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('alerting');
  readonly #config: AlertingConfig;
  readonly #sent;
  readonly #said: LogOutbox;
  readonly #forwarder: AlertmanagerForwarder | undefined;
  #groups: AlertGroups;
  #consumption: Consumption | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: Log,
    private readonly store: RelationalStore,
    private readonly outgoing: Outgoing,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
    metrics: Metrics,
  ) {
    this.#config = settings.paths.alerting === undefined ? nobody : readConfig(settings.paths.alerting);
    this.#groups = new AlertGroups(this.#config);
    this.#sent = metrics.counter('vigil_notifications_total', 'Deliveries by what became of them', ['outcome']);
    this.#said = new LogOutbox(store, log, 'alerts-log');
    this.#forwarder =
      settings.alertmanagerUrl === undefined
        ? undefined
        : new AlertmanagerForwarder(settings.alertmanagerUrl, store, outgoing, metrics);
    metrics.gauge('vigil_alerts', 'Alerts that are open', [], (gauge) =>
      gauge.set(this.alerts().filter(({ endsAtMs }) => endsAtMs === undefined).length),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    const [stored] = await this.store.query<{ body: { state: string } }>(
      `SELECT body FROM document WHERE kind = 'alert-groups' AND name = 'default'`,
    );
    if (stored !== undefined) this.#groups = AlertGroups.restore(stored.body.state, this.#config);
    this.#consumption = await this.log.consume({
      topic: topics.signals,
      group: consumer,
      handlers: {
        assigned: (assignment) => claimOffset(this.store, consumer, assignment),
        records: (assignment, records) => this.#inTurn(() => this.#take(assignment, records)),
      },
      onError: (error) => this.#logger.warn(error),
    });
    this.#timer = setInterval(() => {
      void this.#inTurn(() => this.#tick()).catch((error: unknown) => this.#logger.warn(error));
    }, tickMs);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#consumption?.stop();
    await this.#turn.catch(() => undefined);
  }

  alerts(): Alert[] {
    return this.#groups.alerts();
  }

  /** One thing at a time: signals, timers and deliveries share the groups. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.catch(() => undefined).then(work);
    this.#turn = turn;
    return turn;
  }

  async #take(assignment: Assignment, records: readonly LogRecord[]): Promise<void> {
    const last = records.at(-1);
    if (last === undefined) return;
    await this.#change(async (groups, sql) => {
      for (const { value } of records) {
        const parsed = signalSchema.safeParse(recordJson(value));
        if (!parsed.success) {
          this.#logger.warn(`a signal that is none: ${parsed.error.message}`);
          continue;
        }
        await this.#takeSignal(parsed.data, groups, sql);
      }
      await moveOffset(sql, consumer, assignment, last.offset + 1);
    });
    await this.#consumption?.checkpointed(assignment.partition, last.offset + 1);
  }

  async #takeSignal(signal: Signal, groups: AlertGroups, sql: Sql): Promise<void> {
    const { subject, data, time } = signal;
    const now = Math.max(this.clock.now(), Date.parse(time));
    const event = groups.take(
      {
        labels: data.labels,
        annotations: data.annotations,
        startsAtMs: Date.parse(data.startsAt),
        endsAtMs: data.status === 'resolved' ? Date.parse(data.endsAt ?? time) : undefined,
        generatorUrl: `${this.settings.externalUrl}/api/v1/slos/${encodeURIComponent(subject)}`,
      },
      now,
    );
    if (event !== 'opened' && event !== 'resolved') return;
    const alert = groups.find(fingerprint(data.labels));
    if (alert === undefined) return;
    await this.#say(sql, {
      schemaVersion,
      id: `${alertId(alert)}:${event}`,
      event,
      fingerprint: alert.fingerprint,
      kind: data.kind,
      signalId: signal.id,
      labels: alert.labels,
      annotations: alert.annotations,
      evidence: data.evidence,
      at: new Date(alert.endsAtMs ?? alert.startsAtMs).toISOString(),
      provenance: data.provenance,
    });
    if (isForPeople(alert)) await this.#forwarder?.plan(sql, alert, now);
  }

  /** Beside whatever decided it: remediation and the board hear of it even if this process dies now. */
  async #say(sql: Sql, message: AlertMessage): Promise<void> {
    const { id, fingerprint: key } = message;
    await this.#said.enqueue(sql, { id, topic: topics.alerts, key, body: message, schemaVersion }, this.clock.now());
  }

  async #tick(): Promise<void> {
    const now = this.clock.now();
    if (this.alerts().length > 0) {
      const trial = AlertGroups.restore(this.#groups.serialise(), this.#config);
      if (trial.due(now).length > 0) await this.#change((groups, sql) => this.#plan(groups, sql, now));
      else this.#groups = trial;
    }
    const due = await takeDue(this.store, [channel], now, leaseMs);
    await Promise.all(due.map((entry) => this.#deliver(entry)));
    await this.#said.deliver(now);
    await this.#forwarder?.tick(this.#groups, now);
  }

  async #plan(groups: AlertGroups, sql: Sql, now: number): Promise<void> {
    for (const notification of groups.due(now).flatMap((each) => forPeople(each) ?? [])) {
      for (const webhook of this.#config.webhooks) {
        const body = webhookPayload(notification, webhook, this.settings.externalUrl);
        if (body === undefined) continue;
        const payload: Delivery = { url: webhook.url, body };
        await enqueue(
          sql,
          { idempotencyKey: `${notification.key}:${webhook.url}`, channel, payload, schemaVersion },
          now,
        );
      }
    }
  }

  /** Changes a copy of the groups and stores it with whatever else `work` writes; the copy counts once that is committed. */
  async #change(work: (groups: AlertGroups, sql: Sql) => Promise<void>): Promise<void> {
    const groups = AlertGroups.restore(this.#groups.serialise(), this.#config);
    await this.store.transaction(async (sql) => {
      await work(groups, sql);
      await sql.query(
        `INSERT INTO document (kind, name, version, hash, body, schema_version, changed_at)
         VALUES ('alert-groups', 'default', 1, '', $1::jsonb, $2, $3)
         ON CONFLICT (kind, name) DO UPDATE SET version = document.version + 1, body = EXCLUDED.body, changed_at = EXCLUDED.changed_at`,
        [JSON.stringify({ state: groups.serialise() }), schemaVersion, new Date(this.clock.now()).toISOString()],
      );
    });
    this.#groups = groups;
  }

  async #deliver(entry: OutboxEntry): Promise<void> {
    const { url, body } = entry.payload as Delivery;
    const secret = this.settings.hmacSecret;
    const now = this.clock.now();
    const hmac = (key: string, data: string): string => createHmac('sha256', key).update(data).digest('hex');
    let outcome: 'delivered' | 'retry' | 'refused' = 'retry';
    let reason = '';
    try {
      const answer = await this.outgoing.call({
        method: 'POST',
        url,
        body,
        headers: {
          'content-type': 'application/json',
          'user-agent': `Vigil/${version}`,
          'idempotency-key': entry.idempotencyKey,
          ...(secret === undefined ? {} : { 'x-vigil-signature': signWebhook(body, secret, now, hmac) }),
        },
      });
      outcome = classifyAnswer(answer.status);
      reason = `HTTP ${answer.status}`;
    } catch (error) {
      reason = (error as Error).message;
    }
    this.#sent.inc({ outcome });
    if (outcome === 'retry') {
      await retryAt(this.store, entry.id, now + retryDelayMs(entry.attempts, randomInt(1_000_000) / 1_000_000), reason);
    } else {
      const settled = outcome;
      await this.store.transaction(async (sql) => {
        await settle(sql, entry.id, settled, now, settled === 'refused' ? reason : undefined);
        if (settled === 'delivered') for (const message of notified(entry, body, now)) await this.#say(sql, message);
      });
    }
    if (outcome !== 'delivered') this.#logger.warn(`webhook ${new URL(url).origin}: ${reason}; ${outcome}`);
  }
}

/** One opening of one alert. */
function alertId({ fingerprint: id, startsAtMs }: Pick<Alert, 'fingerprint' | 'startsAtMs'>): string {
  return `${id}:${startsAtMs}`;
}

/** What a delivered payload has told its receiver, alert by alert. The key is hashed: it holds a URL, perhaps a secret one. */
function notified({ idempotencyKey }: OutboxEntry, body: string, nowMs: number): AlertMessage[] {
  const { receiver, alerts } = JSON.parse(body) as {
    receiver: string;
    alerts: { fingerprint: string; startsAt: string; labels: Alert['labels']; annotations: Alert['annotations'] }[];
  };
  return alerts.map(({ fingerprint: id, startsAt, labels, annotations }) => ({
    schemaVersion,
    id: `${alertId({ fingerprint: id, startsAtMs: Date.parse(startsAt) })}:notified:${fingerprint({ idempotencyKey })}`,
    event: 'notified',
    fingerprint: id,
    receiver,
    labels,
    annotations,
    at: new Date(nowMs).toISOString(),
  }));
}

function readConfig(path: string): AlertingConfig {
  try {
    return parseAlertingConfig(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof AlertingConfigError) throw new SettingError('VIGIL_ALERTING', error.message);
    throw new SettingError('VIGIL_ALERTING', `cannot read '${path}': ${(error as Error).message}`);
  }
}
