import kafkajs, { type Consumer } from 'kafkajs';
import type { KafkaSource } from '../config/settings.js';
import { registerCodecs } from './kafka-codecs.js';

export interface KafkaSourceHandlers {
  /** Takes one message; a rejection stops the partition there and tries again. `where` is topic/partition@offset. */
  message(value: Uint8Array, where: string): Promise<void>;
  onError(error: unknown): void;
}

/** How many messages are on their way to the log at once: enough for group commits to fill. */
const inFlight = 64;

/** Reads one topic of somebody's Kafka, at least once: an offset is committed when its message is in our log. */
export class KafkaSourceReader {
  readonly #consumer: Consumer;
  readonly #lag = new Map<number, number>();

  constructor(
    readonly source: KafkaSource,
    private readonly handlers: KafkaSourceHandlers,
  ) {
    registerCodecs();
    const kafka = new kafkajs.Kafka({
      clientId: 'vigil-source',
      brokers: [...source.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { initialRetryTime: 200, retries: 20, maxRetryTime: 5_000 },
    });
    this.#consumer = kafka.consumer({
      groupId: `vigil-source.${source.topic}`,
      sessionTimeout: 10_000,
      maxWaitTimeInMs: 200,
      retry: { retries: 20, initialRetryTime: 200, maxRetryTime: 5_000, restartOnFailure: async () => true },
    });
  }

  async start(): Promise<void> {
    this.#consumer.on(this.#consumer.events.CRASH, ({ payload }) => this.handlers.onError(payload.error));
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [this.source.topic], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: true,
      autoCommitInterval: 1_000,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale, commitOffsetsIfNecessary }) => {
        for (let at = 0; at < batch.messages.length && isRunning() && !isStale(); at += inFlight) {
          const group = batch.messages.slice(at, at + inFlight);
          await Promise.all(
            group.map(({ value, offset }) =>
              value === null ? undefined : this.handlers.message(value, `${batch.topic}/${batch.partition}@${offset}`),
            ),
          );
          const last = group.at(-1)!.offset;
          resolveOffset(last);
          this.#lag.set(batch.partition, Number(batch.highWatermark) - Number(last) - 1);
          await commitOffsetsIfNecessary();
          await heartbeat();
        }
      },
    });
  }

  lag(): number {
    let sum = 0;
    for (const lag of this.#lag.values()) sum += lag;
    return sum;
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect();
  }
}
