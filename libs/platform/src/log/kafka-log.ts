import kafkajs, { type Admin, type Consumer, type EachBatchPayload, type Kafka, type Producer } from 'kafkajs';
import { registerCodecs } from './kafka-codecs.js';
import {
  type AppendRecord,
  type Assignment,
  type ConsumeOptions,
  type Consumption,
  Log,
  type LogRecord,
  LogUnavailableError,
} from './log.js';

export interface KafkaLogOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Partitions of topics that this process creates. */
  readonly partitions: number;
  /** Topics to create when they are missing. */
  readonly topics: readonly string[];
  /** How long appends wait for company, ms. */
  readonly lingerMs?: number;
  readonly onWarning?: (message: string) => void;
}

interface Waiting {
  readonly topic: string;
  readonly records: readonly AppendRecord[];
  resolve(): void;
  reject(error: Error): void;
}

/** Appends waiting for a slow broker, at most; past it senders get 503 instead of our memory. */
const waitingBytesMax = 64 * 2 ** 20;

/** The log of the distributed size: Apache Kafka through kafkajs. */
export class KafkaLog extends Log {
  readonly #kafka: Kafka;
  readonly #producer: Producer;
  readonly #admin: Admin;
  readonly #partitions = new Map<string, number>();
  readonly #consumptions = new Set<KafkaConsumption>();
  #logId = '';
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #sending: Promise<void> | undefined;
  #trouble: string | undefined = 'not connected yet';
  #closed = false;

  private constructor(private readonly options: KafkaLogOptions) {
    super();
    this.#kafka = new kafkajs.Kafka({
      clientId: options.clientId,
      brokers: [...options.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { initialRetryTime: 200, retries: 8 },
      requestTimeout: 15_000,
      connectionTimeout: 5_000,
    });
    this.#producer = this.#kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      retry: { retries: 3 },
    });
    this.#admin = this.#kafka.admin();
  }

  static async connect(options: KafkaLogOptions): Promise<KafkaLog> {
    registerCodecs();
    const log = new KafkaLog(options);
    await log.#open();
    return log;
  }

  async #open(): Promise<void> {
    try {
      await this.#admin.connect();
      const existing = new Set(await this.#admin.listTopics());
      const missing = this.options.topics.filter((topic) => !existing.has(topic));
      if (missing.length > 0) {
        await this.#admin.createTopics({
          waitForLeaders: true,
          topics: missing.map((topic) => ({ topic, numPartitions: this.options.partitions })),
        });
      }
      const { clusterId } = await this.#admin.describeCluster();
      this.#logId = clusterId;
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [...this.options.topics] });
      for (const { name, partitions } of topics) this.#partitions.set(name, partitions.length);
      await this.#producer.connect();
      this.#trouble = undefined;
    } catch (error) {
      throw new LogUnavailableError(
        `cannot reach Kafka at ${this.options.brokers.join(', ')} (KAFKA_BROKERS): ${(error as Error).message}`,
        5,
        { cause: error },
      );
    }
  }

  partitions(topic: string): number {
    return this.#partitions.get(topic) ?? this.options.partitions;
  }

  trouble(): string | undefined {
    return this.#trouble;
  }

  append(topic: string, records: readonly AppendRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new LogUnavailableError('the log is closing', 2));
    const bytes = records.reduce((sum, record) => sum + record.value.length, 0);
    if (this.#waitingBytes + bytes > waitingBytesMax) {
      return Promise.reject(new LogUnavailableError('Kafka is slow: too many appends wait for it'));
    }
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ topic, records, resolve, reject });
      this.#sending ??= this.#sendAll();
    });
  }

  /** One request in flight: concurrent sends of kafkajs may arrive in another order. */
  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, this.options.lingerMs ?? 20));
      const batch = this.#waiting;
      this.#waiting = [];
      const byTopic = new Map<string, { key: string | null; value: Buffer; partition?: number }[]>();
      for (const { topic, records } of batch) {
        const messages = byTopic.get(topic) ?? [];
        byTopic.set(topic, messages);
        for (const { key, value, partition } of records) {
          messages.push({
            key: key ?? null,
            value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
            ...(partition === undefined ? {} : { partition }),
          });
        }
      }
      try {
        await this.#producer.sendBatch({
          acks: -1,
          timeout: 10_000,
          topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
        });
        this.#trouble = undefined;
        for (const waiting of batch) waiting.resolve();
      } catch (error) {
        this.#trouble = `Kafka takes no appends: ${(error as Error).message}`;
        const refusal = new LogUnavailableError(this.#trouble, 5, { cause: error });
        for (const waiting of batch) waiting.reject(refusal);
      }
      for (const { records } of batch) for (const { value } of records) this.#waitingBytes -= value.length;
    }
    this.#sending = undefined;
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const consumption = new KafkaConsumption(this.#kafka, this.#logId, options, (stopped) =>
      this.#consumptions.delete(stopped),
    );
    this.#consumptions.add(consumption);
    await consumption.start();
    return consumption;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumptions].map((consumption) => consumption.stop()));
    await this.#sending;
    await this.#producer.disconnect();
    await this.#admin.disconnect();
  }
}

interface Owned {
  readonly assignment: Assignment;
  next: number;
  /** The offset we have sought to in vain: the topic no longer holds it. */
  soughtFor: number | undefined;
}

class KafkaConsumption implements Consumption {
  readonly #consumer: Consumer;
  readonly #owned = new Map<number, Owned>();
  readonly #lag = new Map<number, number>();
  #generation = 0;

  constructor(
    kafka: Kafka,
    private readonly logId: string,
    private readonly options: ConsumeOptions,
    private readonly onStopped: (self: KafkaConsumption) => void,
  ) {
    this.#consumer = kafka.consumer({
      groupId: `vigil.${options.group}`,
      sessionTimeout: 10_000,
      rebalanceTimeout: 15_000,
      heartbeatInterval: 1_000,
      maxWaitTimeInMs: 100,
      allowAutoTopicCreation: false,
      retry: { retries: 20, initialRetryTime: 200, maxRetryTime: 5_000, restartOnFailure: async () => true },
    });
  }

  async start(): Promise<void> {
    const { HEARTBEAT, GROUP_JOIN } = this.#consumer.events;
    // kafkajs has no revoke hook: a join says which partitions are left, a heartbeat which generation we are.
    this.#consumer.on(HEARTBEAT, ({ payload }) => (this.#generation = payload.groupGenerationId));
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      const mine = new Set(payload.memberAssignment[this.options.topic] ?? []);
      for (const [partition, owned] of this.#owned) {
        this.#owned.delete(partition);
        if (!mine.has(partition)) this.options.handlers.revoked?.(owned.assignment);
      }
    });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [this.options.topic], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: (payload) => this.#batch(payload),
    });
  }

  async #batch({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    if (!isRunning() || isStale() || batch.messages.length === 0) return;
    // The generation of this very batch: one beat in the group we were just assigned by.
    await heartbeat();
    const { partition } = batch;
    let owned = this.#owned.get(partition);
    if (owned === undefined) {
      const assignment: Assignment = {
        topic: this.options.topic,
        partition,
        generation: this.#generation,
        logId: this.logId,
      };
      owned = { assignment, next: await this.options.handlers.assigned(assignment), soughtFor: undefined };
      this.#owned.set(partition, owned);
    }
    if (Number(batch.firstOffset()) > owned.next && owned.soughtFor !== owned.next) {
      // The group's committed offset may be ahead of the store, whose offset rules.
      owned.soughtFor = owned.next;
      this.#consumer.seek({ topic: this.options.topic, partition, offset: String(owned.next) });
      return;
    }
    const records: LogRecord[] = [];
    for (const message of batch.messages) {
      const offset = Number(message.offset);
      if (offset < owned.next || message.value === null) continue;
      records.push({
        topic: this.options.topic,
        partition,
        offset,
        timestampMs: Number(message.timestamp),
        key: message.key?.toString('utf8'),
        value: message.value,
      });
    }
    try {
      if (records.length > 0) await this.options.handlers.records(owned.assignment, records);
    } catch (error) {
      this.options.onError?.(error);
      // What is in memory may be half a batch ahead of the store: start over from the store.
      this.#owned.delete(partition);
      throw error;
    }
    owned.next = Number(batch.lastOffset()) + 1;
    this.#lag.set(partition, Math.max(0, Number(batch.highWatermark) - owned.next));
    resolveOffset(batch.lastOffset());
  }

  async checkpointed(partition: number, nextOffset: number): Promise<void> {
    // For people who look at the group's lag, and as the place where a new member starts; the store's offset rules.
    await this.#consumer.commitOffsets([{ topic: this.options.topic, partition, offset: String(nextOffset) }]);
  }

  lag(): number {
    let sum = 0;
    for (const lag of this.#lag.values()) sum += lag;
    return sum;
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect();
    this.onStopped(this);
  }
}
