import type { RelationalStore } from '../relational/relational-store.js';
import { FencedError, type StateCommit, type StateSnapshot, StateStore } from './state-store.js';

/** State of the distributed size: pages and offsets in PostgreSQL, fenced by the consumer group's generation. */
export class PostgresStateStore extends StateStore {
  constructor(private readonly store: RelationalStore) {
    super();
  }

  load(shard: string, generation: number, logId: string): Promise<StateSnapshot> {
    return this.store.transaction(async (sql) => {
      const [head] = await sql.query<{ generation: string; next_offset: string }>(
        `INSERT INTO processor_head (shard, generation, log_id, next_offset) VALUES ($1, $2, $3, 0)
         ON CONFLICT (shard) DO UPDATE
           SET generation = GREATEST(processor_head.generation, EXCLUDED.generation),
               next_offset = CASE WHEN processor_head.log_id = EXCLUDED.log_id THEN processor_head.next_offset ELSE 0 END,
               log_id = EXCLUDED.log_id
         RETURNING generation, next_offset`,
        [shard, generation, logId],
      );
      if (head !== undefined && Number(head.generation) > generation) {
        throw new FencedError(shard, generation, Number(head.generation));
      }
      const pages = await sql.query<{ key: string; value: Uint8Array }>(
        `SELECT key, value FROM processor_page WHERE shard = $1 ORDER BY key`,
        [shard],
      );
      return {
        nextOffset: Number(head?.next_offset ?? 0),
        entries: new Map(pages.map(({ key, value }) => [key, Uint8Array.from(value)])),
      };
    });
  }

  async commit(commit: StateCommit): Promise<void> {
    const { shard, generation, logId, nextOffset } = commit;
    await this.store.transaction(async (sql) => {
      const moved = await sql.query(
        `UPDATE processor_head SET next_offset = $3, generation = $2
         WHERE shard = $1 AND generation <= $2 AND log_id = $4 RETURNING shard`,
        [shard, generation, nextOffset, logId],
      );
      if (moved.length === 0) {
        const [head] = await sql.query<{ generation: string }>(
          `SELECT generation FROM processor_head WHERE shard = $1`,
          [shard],
        );
        throw new FencedError(shard, generation, Number(head?.generation ?? -1));
      }
      for (const chunk of chunks([...commit.puts], 200)) {
        const rows = chunk.map((_, i) => `($1, $${i * 2 + 2}, $${i * 2 + 3})`).join(', ');
        await sql.query(
          `INSERT INTO processor_page (shard, key, value) VALUES ${rows}
           ON CONFLICT (shard, key) DO UPDATE SET value = EXCLUDED.value`,
          [
            shard,
            ...chunk.flatMap(([key, value]) => [key, Buffer.from(value.buffer, value.byteOffset, value.byteLength)]),
          ],
        );
      }
      if (commit.deletes !== undefined && commit.deletes.length > 0) {
        await sql.query(`DELETE FROM processor_page WHERE shard = $1 AND key = ANY($2)`, [shard, [...commit.deletes]]);
      }
    });
  }
}

function* chunks<Item>(items: readonly Item[], size: number): Iterable<Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
