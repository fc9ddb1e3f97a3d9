import type { Database, RootDatabase } from 'lmdb';
import { FencedError, type StateCommit, type StateSnapshot, StateStore } from './state-store.js';

interface ShardHead {
  readonly generation: number;
  readonly logId: string;
  readonly nextOffset: number;
}

/** State of the embedded size: the log's own LMDB environment, one transaction a commit. */
export class LmdbStateStore extends StateStore {
  readonly #heads: Database<ShardHead, string>;
  readonly #pages: Database<Buffer, string[]>;

  constructor(private readonly environment: RootDatabase) {
    super();
    this.#heads = environment.openDB<ShardHead, string>({ name: 'state-heads', encoding: 'msgpack' });
    this.#pages = environment.openDB<Buffer, string[]>({ name: 'state-pages', encoding: 'binary' });
  }

  async load(shard: string, generation: number, logId: string): Promise<StateSnapshot> {
    const head = this.#heads.get(shard);
    if (head !== undefined && head.generation > generation) throw new FencedError(shard, generation, head.generation);
    if (head !== undefined && head.logId !== logId) {
      // Another log starts at offset 0 again; what was counted from the old one stays counted.
      await this.#heads.put(shard, { generation, logId, nextOffset: 0 });
    } else if (head !== undefined && head.generation < generation) {
      await this.#heads.put(shard, { ...head, generation });
    } else if (head === undefined) {
      await this.#heads.put(shard, { generation, logId, nextOffset: 0 });
    }
    const entries = new Map<string, Uint8Array>();
    for (const { key, value } of this.#pages.getRange({ start: [shard, ''], end: [shard, '\uffff'] })) {
      entries.set(key[1] ?? '', Uint8Array.from(value));
    }
    return { nextOffset: head?.logId === logId ? head.nextOffset : 0, entries };
  }

  async commit(commit: StateCommit): Promise<void> {
    const head = this.#heads.get(commit.shard);
    if (head !== undefined && head.generation > commit.generation) {
      throw new FencedError(commit.shard, commit.generation, head.generation);
    }
    const { shard, generation, logId, nextOffset } = commit;
    await this.environment.transaction(() => {
      for (const [key, value] of commit.puts) {
        this.#pages.putSync([shard, key], Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      }
      for (const key of commit.deletes ?? []) this.#pages.removeSync([shard, key]);
      this.#heads.putSync(shard, { generation, logId, nextOffset });
    });
  }
}
