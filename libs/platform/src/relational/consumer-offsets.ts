import type { Assignment } from '../log/log.js';
import { FencedError } from '../state/state-store.js';
import type { Sql } from './relational-store.js';

/**
 * Offsets of consumers that cause outside effects. They move in the transaction that writes the outbox, so that an
 * effect is neither lost nor planned twice.
 */
export async function claimOffset(sql: Sql, consumer: string, assignment: Assignment): Promise<number> {
  const { topic, partition, generation, logId } = assignment;
  const [row] = await sql.query<{ generation: string; log_id: string; next_offset: string }>(
    `INSERT INTO consumer_offset (consumer, topic, partition, generation, log_id, next_offset)
     VALUES ($1, $2, $3, $4, $5, 0)
     ON CONFLICT (consumer, topic, partition) DO UPDATE
       SET generation = GREATEST(consumer_offset.generation, EXCLUDED.generation),
           next_offset = CASE WHEN consumer_offset.log_id = EXCLUDED.log_id THEN consumer_offset.next_offset ELSE 0 END,
           log_id = EXCLUDED.log_id
     RETURNING generation, log_id, next_offset`,
    [consumer, topic, partition, generation, logId],
  );
  if (row !== undefined && Number(row.generation) > generation) {
    throw new FencedError(`${consumer}/${topic}/${partition}`, generation, Number(row.generation));
  }
  return Number(row?.next_offset ?? 0);
}

/** @throws FencedError, and so rolls the transaction back, when a later generation has claimed the partition. */
export async function moveOffset(
  sql: Sql,
  consumer: string,
  assignment: Assignment,
  nextOffset: number,
): Promise<void> {
  const { topic, partition, generation, logId } = assignment;
  const moved = await sql.query<{ next_offset: string }>(
    `UPDATE consumer_offset SET next_offset = $4, generation = $5
     WHERE consumer = $1 AND topic = $2 AND partition = $3 AND generation <= $5 AND log_id = $6
     RETURNING next_offset`,
    [consumer, topic, partition, nextOffset, generation, logId],
  );
  if (moved.length === 0) throw new FencedError(`${consumer}/${topic}/${partition}`, generation, generation + 1);
}
