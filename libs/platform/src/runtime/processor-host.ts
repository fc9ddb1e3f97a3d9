import type { SampleBatch, SeriesRegistry } from '@vigil/telemetry';
import { decodeRemoteWrite, decodeOtlpJson, decodeOtlpProtobuf } from '@vigil/telemetry';
import { type Envelope, openEnvelope, type PayloadFormat } from '@vigil/contracts';
import snappy from 'snappy';
import type { Assignment, Consumption, Log, LogRecord } from '../log/log.js';
import { traced } from '../observe/traces.js';
import { FencedError, type StateStore } from '../state/state-store.js';

/** What one partition's worth of a service does with samples. Deterministic: the same records, the same state. */
export interface ShardProcessor {
  observe(batch: SampleBatch, receivedAtMs: number): void;
  /** Pages changed since the last call of {@link ShardProcessor.markClean}. */
  dirtyPages(): ReadonlyMap<string, Uint8Array>;
  markClean(): void;
  /** The pages could not be written: they are dirty still. */
  markDirty(keys: Iterable<string>): void;
}

export interface ProcessorHostOptions<Shard extends ShardProcessor> {
  /** Name of the processor: prefix of its state, and its consumer group. */
  readonly name: string;
  readonly topic: string;
  readonly log: Log;
  readonly store: StateStore;
  readonly registry: SeriesRegistry;
  readonly commitMs: number;
  readonly create: (assignment: Assignment, entries: ReadonlyMap<string, Uint8Array>) => Shard;
  /** Called after records were observed and before their state is committed: what it raises is sent first. */
  readonly afterBatch?: (shard: Shard, assignment: Assignment) => Promise<void>;
  readonly onDropped?: (assignment: Assignment) => void;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
}

interface Owned<Shard> {
  readonly assignment: Assignment;
  readonly shard: Shard;
  nextOffset: number;
  committedOffset: number;
  committedAtMs: number;
}

/**
 * Runs a processor over the partitions of the sample log: restores each shard from its snapshot, replays from its
 * offset, and commits state and offset together. The log keeps whatever is not committed yet.
 */
export class ProcessorHost<Shard extends ShardProcessor> {
  readonly #owned = new Map<number, Owned<Shard>>();
  #consumption: Consumption | undefined;
  #timer: NodeJS.Timeout | undefined;
  #committing: Promise<void> = Promise.resolve();
  #failed = 0;
  /** Partitions whose records have been observed, and what they raise not been sent yet. */
  readonly #unsent = new Set<number>();

  constructor(private readonly options: ProcessorHostOptions<Shard>) {}

  async start(): Promise<void> {
    const { log, topic, name, onError } = this.options;
    this.#consumption = await log.consume({
      topic,
      group: name,
      onError,
      handlers: {
        assigned: (assignment) => this.#assigned(assignment),
        records: (assignment, records) => this.#records(assignment, records),
        revoked: (assignment) => this.#forget(assignment),
      },
    });
    this.#timer = setInterval(() => void this.commit(), Math.max(50, this.options.commitMs / 2));
  }

  shards(): Shard[] {
    return [...this.#owned.values()].map(({ shard }) => shard);
  }

  /** Next offsets by `topic/partition`, for provenance. */
  offsets(): Record<string, number> {
    return Object.fromEntries(
      [...this.#owned.values()].map(({ assignment, nextOffset }) => [
        `${assignment.topic}/${assignment.partition}`,
        nextOffset,
      ]),
    );
  }

  lag(): number {
    return this.#consumption?.lag() ?? 0;
  }

  /** Records that are in this process's state and not yet on disk with it: what a crash would replay. */
  uncommitted(): number {
    let sum = 0;
    for (const { nextOffset, committedOffset } of this.#owned.values()) sum += nextOffset - committedOffset;
    return sum;
  }

  /** Undefined while commits succeed. */
  trouble(): string | undefined {
    return this.#failed === 0 ? undefined : `${this.options.name}: ${this.#failed} commits in a row failed`;
  }

  /** Writes every shard that moved; never rejects: a dead store is retried at the next turn. */
  commit(force = false): Promise<void> {
    this.#committing = this.#committing.then(async () => {
      const now = this.options.now();
      for (const owned of this.#owned.values()) {
        // Shards may share what they raise: nothing is committed while any of it is unsent, or a crash would lose it.
        if (this.#unsent.size > 0) return;
        if (owned.nextOffset === owned.committedOffset) continue;
        if (!force && now - owned.committedAtMs < this.options.commitMs) continue;
        try {
          await traced('commit', { 'vigil.processor': this.options.name }, () => this.#commitShard(owned));
          this.#failed = 0;
        } catch (error) {
          this.options.onError(error);
          // Somebody else counts on from the last commit: what this process has beyond it is theirs to count.
          if (error instanceof FencedError) this.#forget(owned.assignment);
          else this.#failed += 1;
        }
      }
    });
    return this.#committing;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.commit(true);
    await this.#consumption?.stop();
    await this.commit(true);
  }

  #shardName({ topic, partition }: Assignment): string {
    return `${this.options.name}/${topic}/${partition}`;
  }

  async #assigned(assignment: Assignment): Promise<number> {
    const { nextOffset, entries } = await this.options.store.load(
      this.#shardName(assignment),
      assignment.generation,
      assignment.logId,
    );
    if (this.#owned.has(assignment.partition)) this.#forget(assignment);
    const shard = this.options.create(assignment, entries);
    this.#owned.set(assignment.partition, {
      assignment,
      shard,
      nextOffset,
      committedOffset: nextOffset,
      committedAtMs: this.options.now(),
    });
    return nextOffset;
  }

  #forget(assignment: Assignment): void {
    this.#owned.delete(assignment.partition);
    this.#unsent.delete(assignment.partition);
    this.options.onDropped?.(assignment);
  }

  async #records(assignment: Assignment, records: readonly LogRecord[]): Promise<void> {
    const owned = this.#owned.get(assignment.partition);
    if (owned === undefined) throw new Error(`${this.options.name} does not own partition ${assignment.partition}`);
    this.#unsent.add(assignment.partition);
    for (const record of records) {
      const { batch, receivedAtMs } = this.#decode(record);
      if (batch !== undefined) owned.shard.observe(batch, receivedAtMs);
      owned.nextOffset = record.offset + 1;
    }
    await this.options.afterBatch?.(owned.shard, assignment);
    this.#unsent.delete(assignment.partition);
    await this.commit();
  }

  #decode(record: LogRecord): { batch: SampleBatch | undefined; receivedAtMs: number } {
    const decoded = record.decoded as { batch: SampleBatch; receivedAtMs: number } | undefined;
    if (decoded !== undefined) return decoded;
    try {
      const envelope = openEnvelope(record.value);
      const { format, receivedAtMs } = envelope;
      return { batch: decodePayload({ format, body: plainBody(envelope) }, this.options.registry), receivedAtMs };
    } catch (error) {
      // Ingest admits only what it has decoded: this is a record of another program. Skipping it keeps the rest alive.
      this.options.onError(error);
      return { batch: undefined, receivedAtMs: record.timestampMs };
    }
  }

  async #commitShard(owned: Owned<Shard>): Promise<void> {
    const { assignment, shard, nextOffset } = owned;
    const puts = shard.dirtyPages();
    // Pages are copies: what arrives while the store writes belongs to the next commit.
    shard.markClean();
    try {
      await this.options.store.commit({
        shard: this.#shardName(assignment),
        generation: assignment.generation,
        logId: assignment.logId,
        nextOffset,
        puts,
      });
    } catch (error) {
      shard.markDirty(puts.keys());
      throw error;
    }
    owned.committedOffset = nextOffset;
    owned.committedAtMs = this.options.now();
    await this.#consumption?.checkpointed(assignment.partition, nextOffset);
  }
}

/** A body and what it is. */
export interface Payload {
  readonly format: PayloadFormat;
  /** Uncompressed. */
  readonly body: Uint8Array;
}

/** The envelope's body without its packing. Ingest has inflated it once, under its bound. */
function plainBody({ encoding, body }: Envelope): Uint8Array {
  switch (encoding) {
    case 'identity':
      return body;
    case 'snappy':
      return snappy.uncompressSync(Buffer.from(body.buffer, body.byteOffset, body.byteLength)) as Buffer;
    default: {
      const unreachable: never = encoding;
      return unreachable;
    }
  }
}

/** Decodes a payload into interned samples. @throws DecodeError with position and reason. */
export function decodePayload({ format, body }: Payload, registry: SeriesRegistry): SampleBatch {
  switch (format) {
    case 'remote-write':
      return decodeRemoteWrite(body, registry);
    case 'otlp-protobuf':
      return decodeOtlpProtobuf(body, registry);
    case 'otlp-json':
      return decodeOtlpJson(body, registry);
    default: {
      const unreachable: never = format;
      return unreachable;
    }
  }
}
