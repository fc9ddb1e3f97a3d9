import { schemaVersion, type TimelineEntry } from '@vigil/contracts';
import type { Sql } from './relational-store.js';

export interface TimelineEvent {
  /** The same event has the same key, however often it is read from the log. */
  readonly key: string;
  readonly at: string;
  readonly kind: TimelineEntry['kind'];
  readonly subject: string;
  readonly body: object;
}

interface Row {
  id: string;
  at: Date | string;
  kind: TimelineEntry['kind'];
  subject: string;
  body: Record<string, unknown>;
}

/** Adds what happened to the timeline that people read; a known event is not added again. */
export async function recordTimeline(sql: Sql, { key, at, kind, subject, body }: TimelineEvent): Promise<void> {
  await sql.query(
    `INSERT INTO timeline (event_key, at, kind, subject, body, schema_version)
     VALUES ($1, $2, $3, $4, $5::jsonb, $6) ON CONFLICT (event_key) DO NOTHING`,
    [key, at, kind, subject, JSON.stringify(body), schemaVersion],
  );
}

/** Entries after `afterId` in the order in which they were recorded; or, without it, the newest ones, oldest first. */
export async function readTimeline(sql: Sql, limit: number, afterId?: number): Promise<TimelineEntry[]> {
  const rows = await sql.query<Row>(
    afterId === undefined
      ? `SELECT id, at, kind, subject, body FROM timeline ORDER BY id DESC LIMIT $1`
      : `SELECT id, at, kind, subject, body FROM timeline WHERE id > $2 ORDER BY id LIMIT $1`,
    afterId === undefined ? [limit] : [limit, afterId],
  );
  const entries = rows.map((row) => ({ ...row, id: Number(row.id), at: new Date(row.at).toISOString() }));
  return afterId === undefined ? entries.reverse() : entries;
}
