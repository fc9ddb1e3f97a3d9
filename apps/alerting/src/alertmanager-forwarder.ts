import { randomInt } from 'node:crypto';
import { Logger } from '@nestjs/common';
import {
  type Alert,
  type AlertGroups,
  classifyAnswer,
  forwardPayload,
  isForPeople,
  resendMs,
  retryDelayMs,
} from '@vigil/alerting';
import { schemaVersion } from '@vigil/contracts';
import {
  enqueue,
  type Metrics,
  type Outgoing,
  type OutboxEntry,
  type RelationalStore,
  retryAt,
  settle,
  type Sql,
  takeDue,
  version,
} from '@vigil/platform';

const channel = 'alertmanager';
const leaseMs = 30_000;

/**
 * Hands alerts to an Alertmanager. An opening and an end go by the outbox until they are taken; in between what fires is
 * said again every minute straight from the groups: a repeat that fails is made good by the next.
 */
export class AlertmanagerForwarder {
  readonly #logger = new Logger('alertmanager');
  readonly #url: string;
  readonly #forwarded;
  #resentMs: number | undefined;

  constructor(
    base: string,
    private readonly store: RelationalStore,
    private readonly outgoing: Outgoing,
    metrics: Metrics,
  ) {
    this.#url = `${base.replace(/\/+$/, '')}/api/v2/alerts`;
    this.#forwarded = metrics.counter(
      'vigil_alertmanager_forwards_total',
      'Posts of alerts to the Alertmanager by what became of them',
      ['outcome'],
    );
  }

  /** In the transaction that opened or resolved the alert. */
  async plan(sql: Sql, alert: Alert, nowMs: number): Promise<void> {
    const idempotencyKey = `alertmanager:${alert.fingerprint}:${alert.startsAtMs}:${alert.endsAtMs ?? 'firing'}`;
    await enqueue(sql, { idempotencyKey, channel, payload: alert, schemaVersion }, nowMs);
  }

  /** One at a time, in order: an end must not be overtaken by its opening. */
  async tick(groups: AlertGroups, nowMs: number): Promise<void> {
    for (const entry of await takeDue(this.store, [channel], nowMs, leaseMs)) {
      await this.#deliver(entry, groups, nowMs);
    }
    const firing = groups.alerts().filter((alert) => alert.endsAtMs === undefined && isForPeople(alert));
    if (this.#resentMs !== undefined && nowMs < this.#resentMs + resendMs) return;
    this.#resentMs = nowMs;
    if (firing.length > 0) await this.#post(firing, nowMs);
  }

  async #deliver(entry: OutboxEntry, groups: AlertGroups, nowMs: number): Promise<void> {
    const alert = entry.payload as Alert;
    const present = groups.find(alert.fingerprint);
    const isStale =
      alert.endsAtMs === undefined && (present?.startsAtMs !== alert.startsAtMs || present.endsAtMs !== undefined);
    // It ended while its opening waited for an answer: saying now that it fires would open it again.
    if (isStale) {
      await settle(this.store, entry.id, 'delivered', nowMs);
      return;
    }
    const { outcome, reason } = await this.#post([alert], nowMs);
    if (outcome === 'retry') {
      const atMs = nowMs + retryDelayMs(entry.attempts, randomInt(1_000_000) / 1_000_000);
      await retryAt(this.store, entry.id, atMs, reason);
    } else await settle(this.store, entry.id, outcome, nowMs, outcome === 'refused' ? reason : undefined);
  }

  async #post(
    alerts: readonly Alert[],
    nowMs: number,
  ): Promise<{ outcome: 'delivered' | 'retry' | 'refused'; reason: string }> {
    let outcome: 'delivered' | 'retry' | 'refused' = 'retry';
    let reason = '';
    try {
      const answer = await this.outgoing.call({
        method: 'POST',
        url: this.#url,
        body: forwardPayload(alerts, nowMs),
        headers: { 'content-type': 'application/json', 'user-agent': `Vigil/${version}` },
      });
      outcome = classifyAnswer(answer.status);
      reason = `HTTP ${answer.status}: ${answer.body.slice(0, 200)}`;
    } catch (error) {
      reason = (error as Error).message;
    }
    this.#forwarded.inc({ outcome });
    if (outcome !== 'delivered') this.#logger.warn(`${new URL(this.#url).origin}: ${reason}; ${outcome}`);
    return { outcome, reason };
  }
}
