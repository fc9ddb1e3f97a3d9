import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Runs of healing, and the alerts that they answer. */
export class Healing1764100000000 implements MigrationInterface {
  readonly name = 'Healing1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE remediation_alert (
        id text PRIMARY KEY,
        fingerprint text NOT NULL,
        body jsonb NOT NULL,
        schema_version integer NOT NULL,
        opened_at timestamptz NOT NULL,
        resolved_at timestamptz,
        plan_at timestamptz
      )`);
    await runner.query(
      `CREATE INDEX remediation_alert_open ON remediation_alert (fingerprint) WHERE resolved_at IS NULL`,
    );
    await runner.query(`
      CREATE TABLE remediation_run (
        seq bigserial PRIMARY KEY,
        id text NOT NULL UNIQUE,
        run_key text NOT NULL UNIQUE,
        runbook text NOT NULL,
        target text NOT NULL,
        alert_id text NOT NULL,
        phase text NOT NULL,
        step integer NOT NULL,
        acts boolean NOT NULL,
        body jsonb NOT NULL,
        schema_version integer NOT NULL,
        owner text,
        lease_until timestamptz,
        planned_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        ended_at timestamptz
      )`);
    // Whoever plans at the same moment in another process: one run at a time on a target.
    await runner.query(
      `CREATE UNIQUE INDEX remediation_run_one_a_target ON remediation_run (target) WHERE ended_at IS NULL`,
    );
    await runner.query(`CREATE INDEX remediation_run_acted ON remediation_run (planned_at) WHERE acts`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE remediation_run`);
    await runner.query(`DROP TABLE remediation_alert`);
  }
}
