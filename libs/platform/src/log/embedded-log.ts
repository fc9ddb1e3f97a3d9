import type { Database, RootDatabase } from 'lmdb';
import {
  type AppendRecord,
  type Assignment,
  type ConsumeOptions,
  type Consumption,
  Log,
  type LogRecord,
  LogUnavailableError,
} from './log.js';

/** Records kept decoded in memory for consumers that keep up; a consumer that lags reads the file instead. */
const tailBytesMax = 16 * 2 ** 20;
const batchRecordsMax = 64;
const headerBytes = 10;
/** Records are dropped in blocks of this many, by the age of the block's last. */
const trimBlock = 64;
const trimRecordsMax = 10_000;

interface Topic {
  readonly name: string;
  readonly records: Database<Buffer, number>;
  /** Offset the next append takes. */
  next: number;
  /** Everything below is on disk and may be handed to consumers. */
  committed: number;
  /** Oldest offset that is still there. */
  first: number;
  bytes: number;
  readonly tail: Map<number, LogRecord>;
  tailFirst: number;
  tailBytes: number;
  readonly consumers: Set<EmbeddedConsumption>;
}

export interface EmbeddedLogOptions {
  /** Appends are refused past this many retained bytes. */
  readonly maxBytes: number;
  /** Records younger than this stay even when every consumer has them. */
  readonly keepMs: number;
  readonly now: () => number;
}

/** The log of the embedded size: one LMDB database a topic, one partition each, group commits. */
export class EmbeddedLog extends Log {
  readonly #topics = new Map<string, Topic>();
  readonly #groups: Database<number, string>;
  #trouble: string | undefined;
  #closed = false;

  constructor(
    private readonly environment: RootDatabase,
    private readonly options: EmbeddedLogOptions,
  ) {
    super();
    this.#groups = environment.openDB<number, string>({ name: 'log-groups', encoding: 'msgpack' });
  }

  partitions(): number {
    return 1;
  }

  trouble(): string | undefined {
    return this.#trouble;
  }

  async append(topicName: string, records: readonly AppendRecord[]): Promise<void> {
    if (this.#closed) throw new LogUnavailableError('the log is closing', 2);
    const topic = this.#topic(topicName);
    if (topic.bytes > this.options.maxBytes) {
      this.#trouble = `log '${topicName}' holds ${topic.bytes} bytes, more than VIGIL_LOG_MAX_BYTES=${this.options.maxBytes}: a consumer is behind`;
      throw new LogUnavailableError(this.#trouble);
    }
    const timestampMs = this.options.now();
    const start = topic.next;
    const writes: Promise<boolean>[] = [];
    for (const record of records) {
      const offset = topic.next++;
      const stored = encode(record, timestampMs);
      topic.bytes += stored.length;
      this.#remember(topic, {
        topic: topicName,
        partition: 0,
        offset,
        timestampMs,
        key: record.key,
        value: record.value,
        decoded: record.decoded,
      });
      writes.push(topic.records.put(offset, stored));
    }
    try {
      await Promise.all(writes);
      this.#trouble = undefined;
    } catch (error) {
      // What failed is nowhere: forget it, leave a gap in the offsets, and tell the sender to come back.
      for (let offset = start; offset < start + records.length; offset++) this.#forget(topic, offset);
      this.#trouble = `cannot write log '${topicName}': ${(error as Error).message}`;
      throw new LogUnavailableError(this.#trouble, 5, { cause: error });
    } finally {
      // Commits finish in order, so everything before this append is settled too.
      topic.committed = Math.max(topic.committed, start + records.length);
      for (const consumer of topic.consumers) consumer.wake();
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const topic = this.#topic(options.topic);
    const groupKey = `${options.topic}\u0000${options.group}`;
    // A group that is known holds back trimming even before it has read anything.
    if (this.#groups.get(groupKey) === undefined) await this.#groups.put(groupKey, topic.first);
    const assignment: Assignment = { topic: options.topic, partition: 0, generation: 1, logId: 'embedded' };
    const from = Math.max(await options.handlers.assigned(assignment), topic.first);
    const consumption = new EmbeddedConsumption(
      assignment,
      options,
      from,
      (offset) => this.#read(topic, offset),
      () => topic.committed,
      async (nextOffset) => {
        await this.#groups.put(groupKey, nextOffset);
        await this.#trim(topic);
      },
      (stopped) => topic.consumers.delete(stopped),
    );
    topic.consumers.add(consumption);
    consumption.start();
    return consumption;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const topic of this.#topics.values()) {
      await Promise.all([...topic.consumers].map((consumer) => consumer.stop()));
    }
    await this.environment.flushed;
  }

  #topic(name: string): Topic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const records = this.environment.openDB<Buffer, number>({ name: `log:${name}`, encoding: 'binary' });
    const [first] = records.getKeys({ limit: 1 });
    const [last] = records.getKeys({ limit: 1, reverse: true });
    // A topic that was trimmed to nothing must not reuse offsets that consumers have passed.
    const passed = [...this.#groups.getRange({ start: `${name}\u0000`, end: `${name}\u0001` })].map(
      ({ value }) => value,
    );
    const next = Math.max(last === undefined ? 0 : last + 1, ...passed, 0);
    // Pages rather than values: counting must not read gigabytes at start.
    const stats = records.getStats() as {
      treeBranchPageCount: number;
      treeLeafPageCount: number;
      overflowPages: number;
      pageSize: number;
    };
    const bytes = (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize;
    const topic: Topic = {
      name,
      records,
      next,
      committed: next,
      first: first ?? next,
      bytes,
      tail: new Map(),
      tailFirst: next,
      tailBytes: 0,
      consumers: new Set(),
    };
    this.#topics.set(name, topic);
    return topic;
  }

  #remember(topic: Topic, record: LogRecord): void {
    topic.tail.set(record.offset, record);
    topic.tailBytes += record.value.length;
    while (topic.tailBytes > tailBytesMax && topic.tailFirst < record.offset) this.#forget(topic, topic.tailFirst++);
  }

  #forget(topic: Topic, offset: number): void {
    const record = topic.tail.get(offset);
    if (record === undefined) return;
    topic.tailBytes -= record.value.length;
    topic.tail.delete(offset);
  }

  /** Up to a batch of records from `offset` on that are safely on disk, and the offset after them. */
  #read(topic: Topic, offset: number): { records: LogRecord[]; next: number } {
    const end = Math.min(topic.committed, offset + batchRecordsMax);
    const records: LogRecord[] = [];
    if (offset >= topic.tailFirst) {
      for (let at = offset; at < end; at++) {
        const record = topic.tail.get(at);
        if (record !== undefined) records.push(record);
      }
      this.#dropConsumed(topic, offset);
      return { records, next: end };
    }
    for (const { key, value } of topic.records.getRange({ start: offset, end })) {
      records.push(decode(topic.name, key, value));
    }
    return { records, next: end };
  }

  /** The tail serves live consumers only: what all of them have read needs no memory. */
  #dropConsumed(topic: Topic, readTo: number): void {
    let slowest = readTo;
    for (const consumer of topic.consumers) slowest = Math.min(slowest, consumer.next);
    while (topic.tailFirst < slowest) this.#forget(topic, topic.tailFirst++);
  }

  async #trim(topic: Topic): Promise<void> {
    const checkpoints = [...this.#groups.getRange({ start: `${topic.name}\u0000`, end: `${topic.name}\u0001` })];
    const safe = Math.min(topic.committed, ...checkpoints.map(({ value }) => value));
    const youngest = this.options.now() - this.options.keepMs;
    const removals: Promise<boolean>[] = [];
    while (topic.first < safe && removals.length < trimRecordsMax) {
      const end = Math.min(safe, topic.first + trimBlock);
      // Keeping what all have read is a wish; room for what is to come goes first.
      if (topic.bytes < this.options.maxBytes / 2 && this.#writtenAtMs(topic, end - 1) > youngest) break;
      // By their share: to know each one's size is to read all of it again, which cost more than taking it in.
      topic.bytes -= topic.bytes * ((end - topic.first) / (topic.next - topic.first));
      for (const key of topic.records.getKeys({ start: topic.first, end })) removals.push(topic.records.remove(key));
      topic.first = end;
    }
    await Promise.all(removals);
  }

  /** When the newest record at or before `offset` came; long ago where there is none. */
  #writtenAtMs(topic: Topic, offset: number): number {
    const [newest] = topic.records.getRange({ start: offset, end: topic.first - 1, reverse: true, limit: 1 });
    return newest?.value.readDoubleLE(0) ?? -Infinity;
  }
}

class EmbeddedConsumption implements Consumption {
  #stopped = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(
    private readonly assignment: Assignment,
    private readonly options: ConsumeOptions,
    public next: number,
    private readonly read: (offset: number) => { records: LogRecord[]; next: number },
    private readonly end: () => number,
    private readonly checkpoint: (nextOffset: number) => Promise<void>,
    private readonly onStopped: (self: EmbeddedConsumption) => void,
  ) {}

  start(): void {
    this.#running = this.#run();
  }

  wake(): void {
    this.#wake?.();
  }

  lag(): number {
    return this.end() - this.next;
  }

  checkpointed(_partition: number, nextOffset: number): Promise<void> {
    return this.checkpoint(nextOffset);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    await this.#running;
    this.onStopped(this);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped) {
      if (this.next >= this.end()) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const { records, next } = this.read(this.next);
      try {
        if (records.length > 0) await this.options.handlers.records(this.assignment, records);
        this.next = next;
        failures = 0;
      } catch (error) {
        this.options.onError?.(error);
        // A dead store comes back; until then the log keeps what was acknowledged.
        const delayMs = Math.min(5_000, 50 * 2 ** failures++);
        await new Promise((resolve) => setTimeout(resolve, delayMs));
      }
      // Senders and timers get their turn between batches.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Layout: timestamp (f64 LE), key length (u16 LE), key (UTF-8), value. */
function encode(record: AppendRecord, timestampMs: number): Buffer {
  const key = record.key === undefined ? undefined : Buffer.from(record.key, 'utf8');
  const keyBytes = key?.length ?? 0;
  const stored = Buffer.allocUnsafe(headerBytes + keyBytes + record.value.length);
  stored.writeDoubleLE(timestampMs, 0);
  stored.writeUInt16LE(keyBytes, 8);
  key?.copy(stored, headerBytes);
  stored.set(record.value, headerBytes + keyBytes);
  return stored;
}

function decode(topic: string, offset: number, stored: Buffer): LogRecord {
  const keyBytes = stored.readUInt16LE(8);
  return {
    topic,
    partition: 0,
    offset,
    timestampMs: stored.readDoubleLE(0),
    key: keyBytes === 0 ? undefined : stored.toString('utf8', headerBytes, headerBytes + keyBytes),
    value: stored.subarray(headerBytes + keyBytes),
  };
}
