import { type Log, LogUnavailableError } from '../log/log.js';
import { enqueue, retryAt, settle, takeDue } from './outbox.js';
import type { RelationalStore, Sql } from './relational-store.js';

/** A message for the log. Its id is its key in the outbox too: the same decision, taken twice, says one thing. */
export interface LogMessage {
  readonly id: string;
  readonly topic: string;
  /** Messages of one key keep their order. */
  readonly key: string;
  readonly body: unknown;
  readonly schemaVersion: number;
}

interface Payload {
  readonly topic: string;
  readonly key: string;
  readonly body: unknown;
}

const leaseMs = 30_000;
const pauseMs = 1_000;
const batchMax = 200;

/**
 * Appends to the log what a transaction of the relational store decided: written beside the decision, delivered after it,
 * in order. A crash between append and settlement appends again, under the same id; readers drop what they have seen.
 */
export class LogOutbox {
  /** The log was full or gone: later messages wait with the earlier ones, or they would overtake them. */
  #pausedUntilMs = 0;

  constructor(
    private readonly store: RelationalStore,
    private readonly log: Log,
    private readonly channel: string,
  ) {}

  /** In the transaction that decides it. @returns whether the message is new. */
  enqueue(sql: Sql, { id, topic, key, body, schemaVersion }: LogMessage, nowMs: number): Promise<boolean> {
    const payload: Payload = { topic, key, body };
    return enqueue(sql, { idempotencyKey: id, channel: this.channel, payload, schemaVersion }, nowMs);
  }

  /** Appends what is due. @returns how many messages the log took. */
  async deliver(nowMs: number): Promise<number> {
    if (nowMs < this.#pausedUntilMs) return 0;
    const due = await takeDue(this.store, [this.channel], nowMs, leaseMs, batchMax);
    if (due.length === 0) return 0;
    const payloads = due.map(({ payload }) => payload as Payload);
    try {
      for (const topic of new Set(payloads.map((payload) => payload.topic))) {
        const records = payloads
          .filter((payload) => payload.topic === topic)
          .map(({ key, body }) => ({ key, value: Buffer.from(JSON.stringify(body)) }));
        await this.log.append(topic, records);
      }
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
      this.#pausedUntilMs = nowMs + pauseMs;
      for (const { id } of due) await retryAt(this.store, id, nowMs + pauseMs, error.message);
      return 0;
    }
    await this.store.transaction(async (sql) => {
      for (const { id } of due) await settle(sql, id, 'delivered', nowMs);
    });
    return due.length;
  }
}
