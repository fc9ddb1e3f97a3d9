/** What a producer hands over. */
export interface AppendRecord {
  readonly value: Uint8Array;
  /** Chooses the partition where the topic has several; records of one key keep their order. */
  readonly key?: string;
  /** The partition itself, where the producer knows it (sample slots); wins over `key`. */
  readonly partition?: number;
  /** A decoded form of `value` that a consumer in the same process may use instead of decoding again. */
  readonly decoded?: unknown;
}

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  /** Position within the partition; gaps are possible, order is not lost. */
  readonly offset: number;
  /** When the log took it, ms since the epoch. */
  readonly timestampMs: number;
  readonly key: string | undefined;
  readonly value: Uint8Array;
  readonly decoded?: unknown;
}

/** Which incarnation of a partition a consumer owns: what a commit must be fenced and matched by. */
export interface Assignment {
  readonly topic: string;
  readonly partition: number;
  /** The consumer group's generation; a later owner has a larger one. */
  readonly generation: number;
  /** Identity of cluster and topic, so that a recreated topic is noticed. */
  readonly logId: string;
}

export interface ConsumerHandlers {
  /** Called before the first record of a partition; answers the next offset to read, from the consumer's own store. */
  assigned(assignment: Assignment): Promise<number>;
  /** Records of one partition in order; the next batch comes after the promise resolves. */
  records(assignment: Assignment, records: readonly LogRecord[]): Promise<void>;
  /** The partition now belongs to somebody else: forget its state, write nothing for it. */
  revoked?(assignment: Assignment): void;
}

export interface Consumption {
  /** Everything below `nextOffset` is in the consumer's own store: the log may drop it. */
  checkpointed(partition: number, nextOffset: number): Promise<void>;
  /** Records that are in the log and not yet handed over. */
  lag(): number;
  stop(): Promise<void>;
}

export interface ConsumeOptions {
  readonly topic: string;
  /** The consumer's name; each group sees every record. */
  readonly group: string;
  readonly handlers: ConsumerHandlers;
  /** A handler threw: the consumer retries the batch, and says so here. */
  readonly onError?: (error: unknown) => void;
}

/** The log takes nothing at present; the sender should come back after `retryAfterSeconds`. */
export class LogUnavailableError extends Error {
  readonly code = 'log-unavailable';
  constructor(
    message: string,
    readonly retryAfterSeconds = 5,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = LogUnavailableError.name;
  }
}

/** An ordered, durable log of topics. Both sizes of Vigil, embedded and distributed, stand on it. */
export abstract class Log {
  /**
   * Resolves when every record is durable: on disk (embedded) or acknowledged by all replicas (Kafka).
   * @throws LogUnavailableError when nothing was taken, or it is unknown whether it was.
   */
  abstract append(topic: string, records: readonly AppendRecord[]): Promise<void>;
  abstract consume(options: ConsumeOptions): Promise<Consumption>;
  /** How many partitions the topic has; producers spread sample slots over them. */
  abstract partitions(topic: string): number;
  /** Undefined while the log takes appends, else why it does not. */
  abstract trouble(): string | undefined;
  abstract close(): Promise<void>;
}
