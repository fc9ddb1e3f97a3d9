import { Inject, Injectable, Logger } from '@nestjs/common';
import { Clock, Metrics, SETTINGS, type Settings, type Sql } from '@vigil/platform';
import {
  type Candidate,
  decide,
  guardNames,
  type OpenAlert,
  planRun,
  rankCandidates,
  rankReason,
  type Run,
  type Runbook,
  stepText,
} from '@vigil/remediation';
import { fingerprint } from '@vigil/telemetry';
import { Announcer } from './announcer.js';
import { RunStore } from './run-store.js';
import { readRunbooks } from './runbooks.js';

const hourMs = 3_600_000;
/** A guard that cannot say when it will let pass is asked again after this. */
const askAgainMs = 15_000;

/** Decides what is done about an alert: which runbook, or why none. */
@Injectable()
export class Planner {
  readonly #logger = new Logger('remediation');
  readonly runbooks: readonly Runbook[];
  readonly #refused;
  readonly #runs;
  readonly #longestCooldownMs: number;

  constructor(
    private readonly runs: RunStore,
    private readonly announcer: Announcer,
    private readonly clock: Clock,
    @Inject(SETTINGS) settings: Settings,
    metrics: Metrics,
  ) {
    const { runbooks, errors } =
      settings.paths.runbooks === undefined ? { runbooks: [], errors: [] } : readRunbooks(settings.paths.runbooks);
    for (const { file, line, path, message } of errors) this.#logger.error(`${file}:${line}: ${path}: ${message}`);
    this.runbooks = runbooks;
    this.#longestCooldownMs = Math.max(hourMs, ...runbooks.map(({ cooldownMs }) => cooldownMs));
    metrics.gauge('vigil_remediation_document_errors', 'Errors in the runbooks read at start', [], (gauge) =>
      gauge.set(errors.length),
    );
    this.#refused = metrics.counter('vigil_remediation_refused_total', 'Actions that a guard held back, by guard', [
      'guard',
    ]);
    this.#runs = metrics.counter('vigil_remediation_runs_total', 'Runs of healing by how they ended', [
      'runbook',
      'outcome',
    ]);
    // From 0 on: a rate of what appears with its first event would miss that event.
    for (const guard of guardNames) this.#refused.inc({ guard }, 0);
    for (const { name, dryRun } of runbooks) {
      for (const outcome of dryRun ? ['dry-run'] : ['succeeded', 'failed', 'rolled-back', 'refused'])
        this.#runs.inc({ runbook: name, outcome }, 0);
    }
  }

  /** Counts a run that ended. */
  count({ runbook, phase }: Run): void {
    this.#runs.inc({ runbook, outcome: phase });
  }

  cooldownMs(runbook: string): number {
    return this.runbooks.find(({ name }) => name === runbook)?.cooldownMs ?? askAgainMs;
  }

  /** In the transaction that learnt of the alert. What is said once about an alert is not said again. */
  async plan(sql: Sql, alert: OpenAlert): Promise<void> {
    const nowMs = this.clock.now();
    const ranked = rankCandidates(this.runbooks, alert);
    if (ranked.length === 0) return this.runs.planAgain(sql, alert.id, undefined);
    const { stopped } = await this.runs.stopSwitch(sql);
    const past = await this.runs.past(sql, nowMs - this.#longestCooldownMs);
    const acting = ranked.filter(({ runbook }) => !runbook.dryRun);
    const decision = decide(acting, past, stopped, nowMs);
    const chosen = decision?.refusal === undefined ? decision?.candidate : undefined;
    // A runbook on trial stands in nobody's way: it says what it would do, the best that may act acts.
    const trials = chosen === undefined ? ranked : ranked.slice(0, ranked.indexOf(chosen));
    for (const candidate of trials.filter(({ runbook }) => runbook.dryRun)) {
      await this.#tryDry(sql, candidate, ranked, alert, nowMs);
    }
    if (decision === undefined) return this.runs.planAgain(sql, alert.id, undefined);
    const { candidate, refusal, heldBack } = decision;
    const rank = rankReason(candidate, ranked);
    if (refusal !== undefined) {
      const { guard, reason, retryAtMs } = refusal;
      const key = `${alert.id}:${candidate.runbook.name}:refused:${guard}`;
      const isNew = await this.#add(sql, candidate, alert, key, 'refused', `${reason}; ${rank}`, nowMs);
      if (isNew) this.#refused.inc({ guard });
      return this.runs.planAgain(sql, alert.id, retryAtMs ?? nowMs + askAgainMs);
    }
    const held = heldBack.length === 0 ? '' : `; held back: ${heldBack.join(', ')}`;
    const key = `${alert.id}:attempt:${await this.runs.attempts(sql, alert.id)}`;
    const isNew = await this.#add(sql, candidate, alert, key, 'planned', `${rank}${held}`, nowMs);
    // Planned elsewhere at this moment: its end will tell.
    return this.runs.planAgain(sql, alert.id, isNew ? undefined : nowMs + askAgainMs);
  }

  async #tryDry(
    sql: Sql,
    candidate: Candidate,
    ranked: readonly Candidate[],
    alert: OpenAlert,
    nowMs: number,
  ): Promise<void> {
    const { name, steps } = candidate.runbook;
    const would = steps.map((step) => stepText(step, alert.labels)).join('; ');
    const reason = `dry run: would ${would}. ${rankReason(candidate, ranked)}`;
    await this.#add(sql, candidate, alert, `${alert.id}:${name}:dry-run`, 'dry-run', reason, nowMs);
  }

  async #add(
    sql: Sql,
    { runbook, target }: Candidate,
    alert: OpenAlert,
    key: string,
    phase: 'planned' | 'refused' | 'dry-run',
    reason: string,
    atMs: number,
  ): Promise<boolean> {
    const run = planRun(runbook, target, alert, { id: fingerprint({ key }), key, phase, reason, atMs });
    if (!(await this.runs.addRun(sql, run))) return false;
    await this.announcer.say(sql, run);
    await this.announcer.audit(sql, run, phase);
    if (run.endedAtMs !== undefined) this.count(run);
    return true;
  }
}
