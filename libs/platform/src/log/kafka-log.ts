import kafkajs, { type Admin, type Consumer, type EachBatchPayload, type Kafka, type Producer } from 'kafkajs';
import { registerCodecs } from './kafka-codecs.js';
import { fetchTopicId } from './kafka-topic-id.js';
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
  #clusterId = '';
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
      this.#clusterId = clusterId;
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
    const consumption = new KafkaConsumption(
      this.#kafka,
      await this.#logId(options.topic),
      options,
      () => this.#admin.fetchTopicOffsets(options.topic),
      (stopped) => this.#consumptions.delete(stopped),
    );
    this.#consumptions.add(consumption);
    await consumption.start();
    return consumption;
  }

  /** Cluster and topic by their ids: a topic that was made again under its old name is another log. */
  async #logId(topic: string): Promise<string> {
    const failures: string[] = [];
    for (const broker of this.options.brokers) {
      try {
        return `${this.#clusterId}/${await fetchTopicId(broker, topic)}`;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    throw new LogUnavailableError(`no broker tells which topic '${topic}' is: ${failures.join('; ')}`);
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

interface Watermarks {
  readonly partition: number;
  readonly high: string;
}

const heartbeatMs = 1_000;

/**
 * One member of a consumer group. kafkajs has neither a hook for revocation nor one for the generation: a join says which
 * partitions are left, and the first heartbeat after it which generation we are. Then all of them are claimed, whether
 * records come or not: what was counted is to be read at once.
 */
class KafkaConsumption implements Consumption {
  readonly #consumer: Consumer;
  /** Claims of the present generation, by partition. */
  readonly #claims = new Map<number, Promise<Owned>>();
  readonly #assigned = new Map<number, Assignment>();
  readonly #lag = new Map<number, number>();
  #mine: readonly number[] = [];
  #generation: number | undefined;
  #beatAtMs = 0;
  /** Claims run one after the other: a later one of a partition finds what an earlier one left. */
  #claiming: Promise<unknown> = Promise.resolve();

  constructor(
    kafka: Kafka,
    private readonly logId: string,
    private readonly options: ConsumeOptions,
    private readonly watermarks: () => Promise<readonly Watermarks[]>,
    private readonly onStopped: (self: KafkaConsumption) => void,
  ) {
    this.#consumer = kafka.consumer({
      groupId: `vigil.${options.group}`,
      sessionTimeout: 10_000,
      rebalanceTimeout: 15_000,
      // A beat is sent when it is asked for, so that the one after a join tells the generation at once.
      heartbeatInterval: 0,
      maxWaitTimeInMs: 100,
      allowAutoTopicCreation: false,
      retry: { retries: 20, initialRetryTime: 200, maxRetryTime: 5_000, restartOnFailure: async () => true },
    });
  }

  async start(): Promise<void> {
    const { HEARTBEAT, GROUP_JOIN } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment[this.options.topic] ?? []));
    this.#consumer.on(HEARTBEAT, ({ payload }) => this.#beaten(payload.groupGenerationId));
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [this.options.topic], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: (payload) => this.#batch(payload),
    });
  }

  #joined(mine: readonly number[]): void {
    this.#mine = mine;
    this.#generation = undefined;
    this.#claims.clear();
    for (const [partition, assignment] of this.#assigned) {
      if (mine.includes(partition)) continue;
      this.#assigned.delete(partition);
      this.#lag.delete(partition);
      this.options.handlers.revoked?.(assignment);
    }
  }

  #beaten(generation: number): void {
    this.#generation = generation;
    this.#beatAtMs = performance.now();
    for (const partition of this.#mine) {
      if (!this.#claims.has(partition)) this.#claim(partition, generation).catch(() => undefined);
    }
  }

  /** Asks the consumer's store where to go on, and goes there. A claim that fails is made anew at the next beat. */
  #claim(partition: number, generation: number): Promise<Owned> {
    const assignment: Assignment = { topic: this.options.topic, partition, generation, logId: this.logId };
    const claim = this.#claiming.then(async (): Promise<Owned> => {
      const isCurrent = (): boolean => this.#claims.get(partition) === claim;
      if (!isCurrent()) throw new Error(`partition ${partition} was given away before it was claimed`);
      const next = await this.options.handlers.assigned(assignment);
      if (!isCurrent()) {
        this.options.handlers.revoked?.(assignment);
        throw new Error(`partition ${partition} was given away while it was claimed`);
      }
      this.#assigned.set(partition, assignment);
      this.#consumer.seek({ topic: this.options.topic, partition, offset: String(next) });
      await this.#measure(partition, next);
      return { assignment, next, soughtFor: undefined };
    });
    this.#claims.set(partition, claim);
    this.#claiming = claim.catch((error: unknown) => {
      if (this.#claims.get(partition) !== claim) return;
      this.#claims.delete(partition);
      this.options.onError?.(error);
    });
    return claim;
  }

  async #measure(partition: number, next: number): Promise<void> {
    const marks = await this.watermarks();
    const high = Number(marks.find((mark) => mark.partition === partition)?.high ?? next);
    this.#lag.set(partition, Math.max(0, high - next));
  }

  async #batch({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    if (!isRunning() || isStale() || batch.messages.length === 0) return;
    const { partition } = batch;
    const isClaimed = this.#generation !== undefined && this.#claims.has(partition);
    if (!isClaimed || performance.now() - this.#beatAtMs > heartbeatMs) await heartbeat();
    // A claim that fails throws here, so that kafkajs comes back after a while.
    const owned = await this.#claims.get(partition);
    // A claim moves the reader to the store's offset: this batch comes again.
    if (owned === undefined || isStale()) return;
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
      this.#claims.delete(partition);
      throw error;
    }
    owned.next = Number(batch.lastOffset()) + 1;
    this.#lag.set(partition, Math.max(0, Number(batch.highWatermark) - owned.next));
    resolveOffset(batch.lastOffset());
  }

  /** For people who look at the group's lag; the store's offset rules, so that a failure here is told and no more. */
  async checkpointed(partition: number, nextOffset: number): Promise<void> {
    try {
      await this.#consumer.commitOffsets([{ topic: this.options.topic, partition, offset: String(nextOffset) }]);
    } catch (error) {
      this.options.onError?.(error);
    }
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
