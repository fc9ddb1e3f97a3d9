import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Clock, Metrics } from '@vigil/platform';
import {
  evidenceOf,
  nextMove,
  reduceRun,
  renderText,
  ReplicaAdvisor,
  resolveHttp,
  resolveRestart,
  resolveScale,
  type Resolution,
  type Run,
  type RunEvent,
  SloReadings,
  statementKey,
  type Step,
  StepError,
  TemplateError,
} from '@vigil/remediation';
import { Announcer } from './announcer.js';
import { Executor } from './executor.js';
import { Planner } from './planner.js';
import { RunStore } from './run-store.js';

const observeMs = 1_000;
/** How long a run rests that could not be driven: the store was gone, say. */
const giveUpMs = 5_000;

/** Drives runs from one state to the next: what is asked for is written down before, what came of it after. */
@Injectable()
export class Runner {
  readonly #logger = new Logger('remediation');
  readonly #driven = new Map<string, Promise<void>>();
  readonly #recover;
  readonly #stopping = new AbortController();

  constructor(
    private readonly runs: RunStore,
    private readonly planner: Planner,
    private readonly announcer: Announcer,
    private readonly executor: Executor,
    private readonly slos: SloReadings,
    private readonly advisor: ReplicaAdvisor,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    metrics.gauge('vigil_remediation_running', 'Runs that this process drives', [], (gauge) =>
      gauge.set(this.#driven.size),
    );
    this.#recover = metrics.histogram(
      'vigil_remediation_seconds_to_recover',
      'From the first step until all was well, of runs that succeeded',
      [5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600],
    );
  }

  /** Takes up what nobody drives: planned a moment ago, or left by a process that ended. */
  async takeUp(): Promise<void> {
    for (const run of await this.runs.claim(this.clock.now())) {
      if (this.#driven.has(run.id)) continue;
      const driven = this.#drive(run)
        .catch(async (error: unknown) => {
          if (this.#stopping.signal.aborted) return;
          this.#logger.error(error);
          await this.runs.giveUp(run.id, this.clock.now() + giveUpMs);
        })
        .catch((error: unknown) => this.#logger.error(error))
        .finally(() => this.#driven.delete(run.id));
      this.#driven.set(run.id, driven);
    }
  }

  /** Ends between two events; a step that takes longer than `graceMs` is taken up again by whoever comes next. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await Promise.race([Promise.all(this.#driven.values()), sleep(graceMs, undefined, { ref: false })]);
  }

  async #drive(claimed: Run): Promise<void> {
    let run = await this.#apply(claimed, { kind: 'resumed', atMs: this.clock.now() });
    while (run !== undefined && run.endedAtMs === undefined && !this.#stopping.signal.aborted) {
      const event = await this.#move(run);
      run = await this.#apply(run, event);
    }
  }

  async #move(run: Run): Promise<RunEvent> {
    const move = nextMove(run);
    switch (move.kind) {
      case 'begin':
        return this.#begin(run);
      case 'resolve':
        return this.#resolve(run, move.step);
      case 'execute': {
        const { step, run: asked } = move;
        const idempotencyKey = `${run.id}:${asked.side}:${asked.index}`;
        const { timeoutMs, retries } = step;
        const { signal } = this.#stopping;
        try {
          const note = await this.executor.execute(asked.effect, { timeoutMs, retries, idempotencyKey, signal });
          return { kind: 'step-ended', atMs: this.clock.now(), note };
        } catch (error) {
          // Stopped while it waited for its next attempt: the outcome is for the next process to find out.
          signal.throwIfAborted();
          return { kind: 'step-failed', atMs: this.clock.now(), reason: (error as Error).message };
        }
      }
      case 'observe':
        await sleep(observeMs, undefined, { signal: this.#stopping.signal });
        return this.#observe(run);
      case 'end':
        throw new Error(`run ${run.id} has nothing to do in phase ${run.phase}`);
      default: {
        const unreachable: never = move;
        return unreachable;
      }
    }
  }

  async #begin(run: Run): Promise<RunEvent> {
    const stopped = await this.#stopped();
    if (stopped !== undefined) return stopped;
    const atMs = this.clock.now();
    if (await this.runs.isResolved(run.alert)) return { kind: 'alert-gone', atMs };
    const { reading } = await this.#read(run);
    return { kind: 'began', atMs, reading };
  }

  async #resolve(run: Run, step: Step): Promise<RunEvent> {
    const stopped = await this.#stopped();
    if (stopped !== undefined) return stopped;
    try {
      const resolution = await this.#resolution(run, step);
      const atMs = this.clock.now();
      return 'skip' in resolution
        ? { kind: 'step-skipped', atMs, note: resolution.skip }
        : { kind: 'step-began', atMs, effect: resolution.effect };
    } catch (error) {
      const isUnderstood = error instanceof StepError || error instanceof TemplateError || error instanceof URIError;
      if (!isUnderstood) throw error;
      return { kind: 'step-failed', atMs: this.clock.now(), reason: error.message };
    }
  }

  async #resolution(run: Run, step: Step): Promise<Resolution> {
    const { labels } = run.alert;
    switch (step.kind) {
      case 'scale': {
        const group = this.executor.group(renderText(step.group, labels));
        const service =
          step.service === undefined ? (labels['service'] ?? group.name) : renderText(step.service, labels);
        const advice = step.replicas === 'recommended' ? await this.advisor.advise(service) : undefined;
        return resolveScale(step, run, group, advice);
      }
      case 'restart': {
        const open = step.which === 'worst' ? await this.runs.openAlerts() : [];
        return resolveRestart(step, run.alert, this.executor.group(renderText(step.group, labels)), open);
      }
      case 'http':
        return resolveHttp(step, run.alert);
      default: {
        const unreachable: never = step;
        return unreachable;
      }
    }
  }

  async #observe(run: Run): Promise<RunEvent> {
    const alertResolved = await this.runs.isResolved(run.alert);
    const { reading, trouble } = await this.#read(run);
    return { kind: 'observed', atMs: this.clock.now(), reading, trouble, alertResolved };
  }

  async #stopped(): Promise<RunEvent | undefined> {
    const { stopped, reason } = await this.runs.stopSwitch();
    if (!stopped) return undefined;
    return {
      kind: 'stopped',
      atMs: this.clock.now(),
      reason: `healing was stopped${reason === '' ? '' : `: ${reason}`}`,
    };
  }

  /** The SLO that the runbook or the alert names; none: nothing to read, the alert alone tells. */
  async #read({ verify, alert }: Run): Promise<{
    reading: Awaited<ReturnType<SloReadings['read']>> | undefined;
    trouble: string | undefined;
  }> {
    try {
      const slo = verify.slo === undefined ? alert.labels['slo'] : renderText(verify.slo, alert.labels);
      if (slo === undefined) return { reading: undefined, trouble: undefined };
      return { reading: await this.slos.read(slo), trouble: undefined };
    } catch (error) {
      return { reading: undefined, trouble: (error as Error).message };
    }
  }

  /** State, what is said of it and the audit entry change together. @returns undefined when another process has the run. */
  async #apply(run: Run, event: RunEvent): Promise<Run | undefined> {
    const next = reduceRun(run, event);
    if (next === run || !isWorthStoring(run, next)) return next;
    const isKept = await this.runs.store.transaction(async (sql) => {
      if (!(await this.runs.saveRun(sql, next))) return false;
      if (statementKey(next) !== statementKey(run)) await this.announcer.say(sql, next);
      if (next.history.length > run.history.length) await this.announcer.audit(sql, next, event.kind);
      // While it still fires it is looked at again, once the target has cooled down.
      if (next.endedAtMs !== undefined && next.phase !== 'succeeded')
        await this.runs.planAgain(sql, run.alert.id, next.endedAtMs + this.planner.cooldownMs(run.runbook));
      return true;
    });
    if (!isKept) {
      this.#logger.warn(`run ${run.id} was taken over by another process`);
      return undefined;
    }
    if (next.endedAtMs !== undefined) this.#count(next);
    return next;
  }

  #count(run: Run): void {
    this.planner.count(run);
    const { secondsToRecover } = evidenceOf(run);
    if (secondsToRecover !== undefined) this.#recover.observe(secondsToRecover);
  }
}

/** Each look at the SLO changes the last reading; only what decides is worth a write. */
function isWorthStoring(run: Run, next: Run): boolean {
  return (
    next.history.length > run.history.length ||
    next.inFlight !== run.inFlight ||
    next.quietSinceMs !== run.quietSinceMs ||
    next.baselineAtMs !== run.baselineAtMs
  );
}
