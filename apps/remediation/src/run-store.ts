import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { schemaVersion } from '@vigil/contracts';
import { audit, Clock, RelationalStore, type Sql } from '@vigil/platform';
import type { OpenAlert, PastRun, Run } from '@vigil/remediation';

const leaseMs = 30_000;
const stopped = ['remediation', 'stop-switch'] as const;

export interface StopSwitch {
  readonly stopped: boolean;
  readonly sinceMs: number | undefined;
  readonly reason: string;
}

/** Runs, the alerts they answer, and the stop switch, in the relational store. */
@Injectable()
export class RunStore {
  /** Who holds the runs that this process drives. */
  readonly #owner = randomUUID();

  constructor(
    readonly store: RelationalStore,
    private readonly clock: Clock,
  ) {}

  /** @returns whether the alert is new: a message that comes twice plans once. */
  async addAlert(sql: Sql, alert: OpenAlert): Promise<boolean> {
    const added = await sql.query(
      `INSERT INTO remediation_alert (id, fingerprint, body, schema_version, opened_at)
       VALUES ($1, $2, $3::jsonb, $4, $5) ON CONFLICT (id) DO NOTHING RETURNING id`,
      [alert.id, alert.fingerprint, JSON.stringify(alert), schemaVersion, time(alert.openedAtMs)],
    );
    return added.length > 0;
  }

  /** An end that is told again must not close what opened since. */
  async resolveAlert(sql: Sql, fingerprint: string, atMs: number): Promise<void> {
    await sql.query(
      `UPDATE remediation_alert SET resolved_at = $2, plan_at = NULL
       WHERE fingerprint = $1 AND resolved_at IS NULL AND opened_at <= $2`,
      [fingerprint, time(atMs)],
    );
  }

  /** When to look again at an alert that nothing was done about; undefined: not again. */
  async planAgain(sql: Sql, alertId: string, atMs: number | undefined): Promise<void> {
    await sql.query(`UPDATE remediation_alert SET plan_at = $2 WHERE id = $1 AND resolved_at IS NULL`, [
      alertId,
      atMs === undefined ? null : time(atMs),
    ]);
  }

  async dueAlerts(sql: Sql, nowMs: number): Promise<OpenAlert[]> {
    const rows = await sql.query<{ body: OpenAlert }>(
      `SELECT body FROM remediation_alert WHERE plan_at <= $1 AND resolved_at IS NULL ORDER BY opened_at LIMIT 50`,
      [time(nowMs)],
    );
    return rows.map(({ body }) => body);
  }

  async openAlerts(): Promise<OpenAlert[]> {
    const rows = await this.store.query<{ body: OpenAlert }>(
      `SELECT body FROM remediation_alert WHERE resolved_at IS NULL`,
    );
    return rows.map(({ body }) => body);
  }

  /** An alert that opened again meanwhile has not ended, whichever opening a run answers. */
  async isResolved({ fingerprint }: OpenAlert): Promise<boolean> {
    const rows = await this.store.query(
      `SELECT id FROM remediation_alert WHERE fingerprint = $1 AND resolved_at IS NULL`,
      [fingerprint],
    );
    return rows.length === 0;
  }

  /** Resolved alerts are of use while a run may still ask for them. */
  async forgetAlerts(beforeMs: number): Promise<void> {
    await this.store.query(`DELETE FROM remediation_alert WHERE resolved_at < $1`, [time(beforeMs)]);
  }

  /** @returns false when the run is known, or another is under way on its target. */
  async addRun(sql: Sql, run: Run): Promise<boolean> {
    const added = await sql.query(
      `INSERT INTO remediation_run
         (id, run_key, runbook, target, alert_id, phase, step, acts, body, schema_version, planned_at, updated_at, ended_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $11, $12) ON CONFLICT DO NOTHING RETURNING id`,
      [
        run.id,
        run.key,
        run.runbook,
        run.target,
        run.alert.id,
        run.phase,
        run.step,
        run.phase === 'planned',
        JSON.stringify(run),
        schemaVersion,
        time(run.plannedAtMs),
        run.endedAtMs === undefined ? null : time(run.endedAtMs),
      ],
    );
    return added.length > 0;
  }

  /** @returns false when another process has taken the run over. */
  async saveRun(sql: Sql, run: Run): Promise<boolean> {
    const saved = await sql.query(
      `UPDATE remediation_run
       SET phase = $2, step = $3, acts = $4, body = $5::jsonb, updated_at = $6, ended_at = $7
       WHERE id = $1 AND owner = $8 RETURNING id`,
      [
        run.id,
        run.phase,
        run.step,
        // Refused before its first step, it did nothing that a cooldown should count.
        run.phase !== 'refused',
        JSON.stringify(run),
        time(this.clock.now()),
        run.endedAtMs === undefined ? null : time(run.endedAtMs),
        this.#owner,
      ],
    );
    return saved.length > 0;
  }

  /** Attempts already made at one alert. */
  async attempts(sql: Sql, alertId: string): Promise<number> {
    const [row] = await sql.query<{ n: string }>(
      `SELECT count(*) AS n FROM remediation_run WHERE alert_id = $1 AND run_key LIKE '%:attempt:%'`,
      [alertId],
    );
    return Number(row?.n ?? 0);
  }

  /** Runs that guards look back on: under way, or begun or ended since `sinceMs`. */
  async past(sql: Sql, sinceMs: number): Promise<PastRun[]> {
    const rows = await sql.query<{ runbook: string; target: string; planned_at: Date; ended_at: Date | null }>(
      `SELECT runbook, target, planned_at, ended_at FROM remediation_run
       WHERE acts AND (ended_at IS NULL OR ended_at >= $1 OR planned_at >= $1)`,
      [time(sinceMs)],
    );
    return rows.map((row) => ({
      runbook: row.runbook,
      target: row.target,
      startedAtMs: new Date(row.planned_at).getTime(),
      endedAtMs: row.ended_at === null ? undefined : new Date(row.ended_at).getTime(),
    }));
  }

  /** Takes runs that nobody drives, or whose driver is gone. */
  async claim(nowMs: number): Promise<Run[]> {
    const rows = await this.store.query<{ body: Run }>(
      `UPDATE remediation_run SET owner = $1, lease_until = $2
       WHERE ended_at IS NULL AND (lease_until IS NULL OR lease_until < $3) RETURNING body`,
      [this.#owner, time(nowMs + leaseMs), time(nowMs)],
    );
    return rows.map(({ body }) => body);
  }

  async keep(nowMs: number): Promise<void> {
    await this.store.query(`UPDATE remediation_run SET lease_until = $2 WHERE owner = $1 AND ended_at IS NULL`, [
      this.#owner,
      time(nowMs + leaseMs),
    ]);
  }

  /** Lets go of what this process drove; of everything where it was the only one. */
  async release(everything: boolean): Promise<void> {
    await this.store.query(
      `UPDATE remediation_run SET owner = NULL, lease_until = NULL
       WHERE ended_at IS NULL AND (owner = $1 OR $2::boolean)`,
      [this.#owner, everything],
    );
  }

  /** Something went wrong here: whoever comes after `atMs` may take it up again. */
  async giveUp(id: string, atMs: number): Promise<void> {
    await this.store.query(
      `UPDATE remediation_run SET owner = NULL, lease_until = $3 WHERE id = $1 AND owner = $2 AND ended_at IS NULL`,
      [id, this.#owner, time(atMs)],
    );
  }

  /** Newest first, from before `seq` on. */
  async list(beforeSeq: number | undefined, limit: number): Promise<{ seq: number; run: Run }[]> {
    const rows = await this.store.query<{ seq: string; body: Run }>(
      `SELECT seq, body FROM remediation_run WHERE seq < $1 ORDER BY seq DESC LIMIT $2`,
      [beforeSeq ?? Number.MAX_SAFE_INTEGER, limit],
    );
    return rows.map(({ seq, body }) => ({ seq: Number(seq), run: body }));
  }

  async find(id: string): Promise<Run | undefined> {
    const [row] = await this.store.query<{ body: Run }>(`SELECT body FROM remediation_run WHERE id = $1`, [id]);
    return row?.body;
  }

  async running(): Promise<number> {
    const [row] = await this.store.query<{ n: string }>(
      `SELECT count(*) AS n FROM remediation_run WHERE ended_at IS NULL`,
    );
    return Number(row?.n ?? 0);
  }

  async stopSwitch(sql: Sql = this.store): Promise<StopSwitch> {
    const [row] = await sql.query<{ body: StopSwitch }>(`SELECT body FROM document WHERE kind = $1 AND name = $2`, [
      ...stopped,
    ]);
    return row?.body ?? { stopped: false, sinceMs: undefined, reason: '' };
  }

  async setStopSwitch(isStopped: boolean, actor: string, reason: string): Promise<StopSwitch> {
    const nowMs = this.clock.now();
    const body: StopSwitch = { stopped: isStopped, sinceMs: nowMs, reason };
    await this.store.transaction(async (sql) => {
      await sql.query(
        `INSERT INTO document (kind, name, version, hash, body, schema_version, changed_at)
         VALUES ($1, $2, 1, '', $3::jsonb, $4, $5)
         ON CONFLICT (kind, name) DO UPDATE SET version = document.version + 1, body = EXCLUDED.body, changed_at = EXCLUDED.changed_at`,
        [...stopped, JSON.stringify(body), schemaVersion, time(nowMs)],
      );
      const action = isStopped ? 'remediation.stop' : 'remediation.start';
      await audit(sql, { actor, action, target: 'remediation', detail: { reason } }, nowMs);
    });
    return body;
  }
}

const time = (ms: number): string => new Date(ms).toISOString();
