/** One transaction of a processor: its offset and every page of state that changed with it. */
export interface StateCommit {
  /** Whose state: processor and partition, such as `slo/samples/0`. */
  readonly shard: string;
  /** The owner's generation in its consumer group; an older one than stored is refused. */
  readonly generation: number;
  readonly logId: string;
  /** The next offset to read: everything below is in this state. */
  readonly nextOffset: number;
  readonly puts: ReadonlyMap<string, Uint8Array>;
  readonly deletes?: readonly string[];
}

export interface StateSnapshot {
  readonly nextOffset: number;
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

/** Somebody with a later generation owns the shard: this owner must stop writing. */
export class FencedError extends Error {
  readonly code = 'fenced';
  constructor(shard: string, mine: number, theirs: number) {
    super(`shard '${shard}' belongs to generation ${theirs}; generation ${mine} may no longer write`);
    this.name = FencedError.name;
  }
}

/** Hot state beside its offsets. State and offsets move together, or not at all. */
export abstract class StateStore {
  /** Claims the shard for `generation` and reads it; an empty shard starts at offset 0. */
  abstract load(shard: string, generation: number, logId: string): Promise<StateSnapshot>;
  /** @throws FencedError when a later generation has claimed the shard. */
  abstract commit(commit: StateCommit): Promise<void>;
}
