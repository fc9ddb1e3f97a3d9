import type { Sql } from './relational-store.js';

export interface OutboxMessage {
  /** Made of what is sent (rule, series, window edge), never of a score or a time of sending. */
  readonly idempotencyKey: string;
  readonly channel: string;
  readonly payload: unknown;
  readonly schemaVersion: number;
}

export interface OutboxEntry extends OutboxMessage {
  readonly id: number;
  readonly attempts: number;
  readonly createdAtMs: number;
}

/** Adds what is to be sent, in the transaction that decided it; a known key is not added again. */
export async function enqueue(sql: Sql, message: OutboxMessage, nowMs: number): Promise<boolean> {
  const added = await sql.query(
    `INSERT INTO outbox (idempotency_key, channel, payload, schema_version, next_attempt_at, created_at)
     VALUES ($1, $2, $3::jsonb, $4, $5, $5) ON CONFLICT (idempotency_key) DO NOTHING RETURNING id`,
    [
      message.idempotencyKey,
      message.channel,
      JSON.stringify(message.payload),
      message.schemaVersion,
      new Date(nowMs).toISOString(),
    ],
  );
  return added.length > 0;
}

interface Row {
  id: string;
  idempotency_key: string;
  channel: string;
  payload: unknown;
  schema_version: number;
  attempts: number;
  created_at: Date | string;
}

/** What is due, oldest first; taken for `leaseMs`, after which another process may try. */
export async function takeDue(
  sql: Sql,
  channels: readonly string[],
  nowMs: number,
  leaseMs: number,
  limit = 50,
): Promise<OutboxEntry[]> {
  const rows = await sql.query<Row>(
    `UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $2
     WHERE id IN (
       SELECT id FROM outbox WHERE state = 'pending' AND next_attempt_at <= $1 AND channel = ANY($3)
       ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)
     RETURNING id, idempotency_key, channel, payload, schema_version, attempts, created_at`,
    [new Date(nowMs).toISOString(), new Date(nowMs + leaseMs).toISOString(), [...channels], limit],
  );
  return rows
    .map((row) => ({
      id: Number(row.id),
      idempotencyKey: row.idempotency_key,
      channel: row.channel,
      payload: row.payload,
      schemaVersion: row.schema_version,
      attempts: row.attempts,
      createdAtMs: new Date(row.created_at).getTime(),
    }))
    .sort((a, b) => a.id - b.id);
}

export async function settle(
  sql: Sql,
  id: number,
  state: 'delivered' | 'refused',
  nowMs: number,
  error?: string,
): Promise<void> {
  await sql.query(`UPDATE outbox SET state = $2, settled_at = $3, last_error = $4 WHERE id = $1`, [
    id,
    state,
    new Date(nowMs).toISOString(),
    error ?? null,
  ]);
}

export async function retryAt(sql: Sql, id: number, atMs: number, error: string): Promise<void> {
  await sql.query(`UPDATE outbox SET next_attempt_at = $2, last_error = $3 WHERE id = $1`, [
    id,
    new Date(atMs).toISOString(),
    error,
  ]);
}

/** Appends to the audit log: who did what to which target. */
export async function audit(
  sql: Sql,
  entry: { actor: string; action: string; target: string; detail: unknown },
  nowMs: number,
): Promise<void> {
  await sql.query(`INSERT INTO audit (at, actor, action, target, detail) VALUES ($1, $2, $3, $4, $5::jsonb)`, [
    new Date(nowMs).toISOString(),
    entry.actor,
    entry.action,
    entry.target,
    JSON.stringify(entry.detail),
  ]);
}
