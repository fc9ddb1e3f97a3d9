import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { actionMessageSchema, alertMessageSchema, signalSchema, type TimelineEntry, topics } from '@vigil/contracts';
import {
  type Assignment,
  claimOffset,
  type Consumption,
  Log,
  type LogRecord,
  moveOffset,
  readTimeline,
  recordJson,
  recordTimeline,
  RelationalStore,
  type TimelineEvent,
} from '@vigil/platform';

const consumer = 'timeline';
const pollMs = 500;

type Reader = (value: unknown) => TimelineEvent;

/** How a message of each topic reads on the timeline. */
const readers: Readonly<Record<string, Reader>> = {
  [topics.signals]: (value) => {
    const signal = signalSchema.parse(value);
    return { key: `signal:${signal.id}`, at: signal.time, kind: 'signal', subject: signal.subject, body: signal };
  },
  [topics.alerts]: (value) => {
    const message = alertMessageSchema.parse(value);
    const kind = message.event === 'notified' ? 'notification' : 'alert';
    const subject = message.labels['service'] ?? message.labels['alertname'] ?? message.fingerprint;
    return { key: `alert:${message.id}`, at: message.at, kind, subject, body: message };
  },
  [topics.actions]: (value) => {
    const message = actionMessageSchema.parse(value);
    return { key: `action:${message.id}`, at: message.at, kind: 'action', subject: message.target, body: message };
  },
};

/** Writes what the services say on the log into one timeline, and tells those who listen that there is more. */
@Injectable()
export class TimelineService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('timeline');
  readonly #consumptions: Consumption[] = [];
  readonly #listeners = new Set<() => void>();
  #poll: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: Log,
    private readonly store: RelationalStore,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const topic of Object.keys(readers)) this.#consumptions.push(await this.#consume(topic));
    // Entries of other processes (and of the demo) come by way of the store alone.
    this.#poll = setInterval(() => this.#tell(), pollMs);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#poll);
    await Promise.all(this.#consumptions.map((consumption) => consumption.stop()));
  }

  read(limit: number, afterId?: number): Promise<TimelineEntry[]> {
    return readTimeline(this.store, limit, afterId);
  }

  /** Calls `listener` whenever there may be more. @returns a function that ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #consume(topic: string): Promise<Consumption> {
    const consumption: Consumption = await this.log.consume({
      topic,
      group: consumer,
      handlers: {
        assigned: (assignment) => claimOffset(this.store, consumer, assignment),
        records: async (assignment, records) => {
          const next = await this.#take(topic, assignment, records);
          await consumption.checkpointed(assignment.partition, next);
        },
      },
      onError: (error) => this.#logger.warn(error),
    });
    return consumption;
  }

  async #take(topic: string, assignment: Assignment, records: readonly LogRecord[]): Promise<number> {
    const next = records.at(-1)!.offset + 1;
    const events = records.flatMap((record) => this.#event(topic, record) ?? []);
    await this.store.transaction(async (sql) => {
      for (const event of events) await recordTimeline(sql, event);
      await moveOffset(sql, consumer, assignment, next);
    });
    this.#tell();
    return next;
  }

  #event(topic: string, record: LogRecord): TimelineEvent | undefined {
    try {
      return readers[topic]!(recordJson(record.value));
    } catch (error) {
      // A message of another version must not stop the ones that can be read.
      this.#logger.warn(`${topic}@${record.offset} cannot be shown: ${(error as Error).message}`);
      return undefined;
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
