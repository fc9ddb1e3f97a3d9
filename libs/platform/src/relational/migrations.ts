import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Healing1764100000000 } from './healing-migration.js';

/**
 * The relational store of first light: outbox, offsets of the consumers that cause outside effects, audit, the
 * records people read (alerts, actions, plans) and, in the distributed size, hot state with its offsets.
 */
export class FirstLight1764000000000 implements MigrationInterface {
  readonly name = 'FirstLight1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE consumer_offset (
        consumer text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        generation bigint NOT NULL,
        log_id text NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (consumer, topic, partition)
      )`);
    await runner.query(`
      CREATE TABLE outbox (
        id bigserial PRIMARY KEY,
        idempotency_key text NOT NULL UNIQUE,
        channel text NOT NULL,
        payload jsonb NOT NULL,
        schema_version integer NOT NULL,
        state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'refused')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        settled_at timestamptz,
        last_error text
      )`);
    await runner.query(`CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE state = 'pending'`);
    await runner.query(`
      CREATE TABLE audit (
        id bigserial PRIMARY KEY,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        action text NOT NULL,
        target text NOT NULL,
        detail jsonb NOT NULL
      )`);
    await runner.query(`
      CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$`);
    await runner.query(`
      CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
      FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()`);
    await runner.query(`
      CREATE TABLE document (
        kind text NOT NULL,
        name text NOT NULL,
        version integer NOT NULL,
        hash text NOT NULL,
        body jsonb NOT NULL,
        schema_version integer NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (kind, name)
      )`);
    await runner.query(`
      CREATE TABLE timeline (
        id bigserial PRIMARY KEY,
        event_key text NOT NULL UNIQUE,
        at timestamptz NOT NULL,
        kind text NOT NULL,
        subject text NOT NULL,
        body jsonb NOT NULL,
        schema_version integer NOT NULL
      )`);
    await runner.query(`CREATE INDEX timeline_at ON timeline (at)`);
    await runner.query(`
      CREATE TABLE processor_head (
        shard text PRIMARY KEY,
        generation bigint NOT NULL,
        log_id text NOT NULL,
        next_offset bigint NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE processor_page (
        shard text NOT NULL,
        key text NOT NULL,
        value bytea NOT NULL,
        PRIMARY KEY (shard, key)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'processor_page',
      'processor_head',
      'timeline',
      'document',
      'audit',
      'outbox',
      'consumer_offset',
    ]) {
      await runner.query(`DROP TABLE ${table}`);
    }
    await runner.query(`DROP FUNCTION audit_is_append_only`);
  }
}

export const migrations = [FirstLight1764000000000, Healing1764100000000];
