import type { Labels } from '@vigil/telemetry';
import type { OpenAlert } from './choice.js';
import type { Runbook, Step, Verification } from './runbook.js';
import { renderText, TemplateError } from './template.js';

export const runPhases = [
  'planned',
  'executing',
  'verifying',
  'succeeded',
  'failed',
  'rolled-back',
  'refused',
  'dry-run',
] as const;
export type RunPhase = (typeof runPhases)[number];

/** A step made definite: what exactly is asked of whom. Written down before it is asked. */
export type Effect =
  | { readonly kind: 'scale'; readonly group: string; readonly from: number; readonly to: number; readonly why: string }
  | { readonly kind: 'restart'; readonly group: string; readonly instances: readonly string[]; readonly why: string }
  | {
      readonly kind: 'http';
      readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string | undefined;
      readonly idempotent: boolean;
    };

/** What the SLO said at a moment. */
export interface SloReading {
  /** Event time that it was judged at. */
  readonly atMs: number;
  readonly budgetRemaining: number;
  readonly exhaustedAtMs: number | undefined;
  readonly pairs: readonly {
    readonly name: string;
    readonly burnShort: number;
    readonly factor: number;
  }[];
}

export interface RunStep {
  readonly side: 'steps' | 'rollback';
  readonly index: number;
  readonly effect: Effect;
}

/** One attempt to heal one alert. Plain data: it is stored as it is after every event. */
export interface Run {
  readonly id: string;
  readonly key: string;
  readonly runbook: string;
  readonly documentHash: string;
  readonly target: string;
  readonly alert: OpenAlert;
  /** The runbook's steps at the time of planning: a changed file does not change what is under way. */
  readonly steps: readonly Step[];
  readonly rollback: readonly Step[];
  readonly verify: Verification;
  readonly phase: RunPhase;
  readonly side: 'steps' | 'rollback';
  readonly step: number;
  /** Asked for, outcome not known yet. */
  readonly inFlight: RunStep | undefined;
  readonly done: readonly (RunStep & { readonly note: string })[];
  readonly skipped: readonly string[];
  readonly plannedAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly verifyingSinceMs: number | undefined;
  /** Since when all has been well without a break. */
  readonly quietSinceMs: number | undefined;
  readonly before: SloReading | undefined;
  /** First reading after the steps: only judgements of later events count. */
  readonly baselineAtMs: number | undefined;
  readonly after: SloReading | undefined;
  readonly replicasBefore: number | undefined;
  readonly replicasAfter: number | undefined;
  /** Why it stands where it stands, in words. */
  readonly reason: string;
  readonly history: readonly { readonly atMs: number; readonly phase: RunPhase; readonly text: string }[];
}

export type RunEvent =
  | { readonly kind: 'began'; readonly atMs: number; readonly reading: SloReading | undefined }
  | { readonly kind: 'alert-gone'; readonly atMs: number }
  | { readonly kind: 'step-began'; readonly atMs: number; readonly effect: Effect }
  | { readonly kind: 'step-skipped'; readonly atMs: number; readonly note: string }
  | { readonly kind: 'step-ended'; readonly atMs: number; readonly note: string }
  | { readonly kind: 'step-failed'; readonly atMs: number; readonly reason: string }
  | { readonly kind: 'stopped'; readonly atMs: number; readonly reason: string }
  | { readonly kind: 'resumed'; readonly atMs: number }
  | {
      readonly kind: 'observed';
      readonly atMs: number;
      readonly reading: SloReading | undefined;
      /** The SLO could not be read; undefined where none is to be. */
      readonly trouble: string | undefined;
      readonly alertResolved: boolean;
    };

/** What is to be done next with a run. */
export type Move =
  | { readonly kind: 'begin' }
  | { readonly kind: 'resolve'; readonly step: Step }
  | { readonly kind: 'execute'; readonly step: Step; readonly run: RunStep }
  | { readonly kind: 'observe' }
  | { readonly kind: 'end' };

export function planRun(
  runbook: Runbook,
  target: string,
  alert: OpenAlert,
  {
    id,
    key,
    phase,
    reason,
    atMs,
  }: { id: string; key: string; phase: 'planned' | 'refused' | 'dry-run'; reason: string; atMs: number },
): Run {
  return {
    id,
    key,
    runbook: runbook.name,
    documentHash: runbook.documentHash,
    target,
    alert,
    steps: runbook.steps,
    rollback: runbook.rollback,
    verify: runbook.verify,
    phase,
    side: 'steps',
    step: 0,
    inFlight: undefined,
    done: [],
    skipped: [],
    plannedAtMs: atMs,
    startedAtMs: undefined,
    endedAtMs: phase === 'planned' ? undefined : atMs,
    verifyingSinceMs: undefined,
    quietSinceMs: undefined,
    before: undefined,
    baselineAtMs: undefined,
    after: undefined,
    replicasBefore: undefined,
    replicasAfter: undefined,
    reason,
    history: [{ atMs, phase, text: reason }],
  };
}

export function nextMove(run: Run): Move {
  if (run.endedAtMs !== undefined) return { kind: 'end' };
  if (run.inFlight !== undefined) {
    const { side, index } = run.inFlight;
    return { kind: 'execute', step: run[side][index]!, run: run.inFlight };
  }
  if (run.phase === 'planned') return { kind: 'begin' };
  if (run.phase === 'verifying') return { kind: 'observe' };
  const step = run[run.side][run.step];
  return step === undefined ? { kind: 'end' } : { kind: 'resolve', step };
}

/** The run after an event. What does not fit the run's state leaves it as it is. */
export function reduceRun(run: Run, event: RunEvent): Run {
  if (run.endedAtMs !== undefined) return run;
  const { atMs } = event;
  switch (event.kind) {
    case 'began':
      if (run.phase !== 'planned') return run;
      return say({ ...run, startedAtMs: atMs, before: event.reading }, 'executing', 'begins', atMs);
    case 'alert-gone':
      if (run.phase !== 'planned') return run;
      return end(run, 'refused', 'the alert resolved before anything was done', atMs);
    case 'step-began': {
      if (run.inFlight !== undefined || nextMove(run).kind !== 'resolve') return run;
      const { effect } = event;
      const inFlight = { side: run.side, index: run.step, effect };
      const replicasBefore = run.replicasBefore ?? (effect.kind === 'scale' ? effect.from : undefined);
      return say({ ...run, inFlight, replicasBefore }, run.phase, effectText(effect), atMs);
    }
    case 'step-skipped':
      if (run.inFlight !== undefined || nextMove(run).kind !== 'resolve') return run;
      return advance({ ...run, skipped: [...run.skipped, event.note] }, event.note, atMs);
    case 'step-ended': {
      if (run.inFlight === undefined) return run;
      const { effect } = run.inFlight;
      const replicasAfter = effect.kind === 'scale' ? effect.to : run.replicasAfter;
      const done = [...run.done, { ...run.inFlight, note: event.note }];
      return advance({ ...run, done, inFlight: undefined, replicasAfter }, event.note, atMs);
    }
    case 'step-failed':
      return fail(run, event.reason, atMs);
    case 'stopped': {
      if (run.phase !== 'planned' && nextMove(run).kind !== 'resolve') return run;
      const rest = run.side === 'rollback' ? `${event.reason}: what was done stays` : event.reason;
      return end(run, run.phase === 'planned' ? 'refused' : 'failed', rest, atMs);
    }
    case 'resumed':
      if (run.phase === 'planned') return run;
      // Nobody watched in between.
      if (run.inFlight === undefined) return log({ ...run, quietSinceMs: undefined }, 'resumes', atMs);
      if (isRepeatable(run.inFlight.effect)) return log(run, `resumes: ${effectText(run.inFlight.effect)} again`, atMs);
      return fail(
        run,
        `the process ended during '${effectText(run.inFlight.effect)}': its outcome is unknown, and it is not repeated`,
        atMs,
      );
    case 'observed':
      return run.phase === 'verifying' ? observe(run, event) : run;
    default: {
      const unreachable: never = event;
      return unreachable;
    }
  }
}

/** Asking again has the same effect as asking once. */
export function isRepeatable(effect: Effect): boolean {
  return effect.kind === 'scale' || (effect.kind === 'http' && effect.idempotent);
}

export function effectText(effect: Effect): string {
  return effect.kind === 'http' ? effectName(effect) : `${effectName(effect)} (${effect.why})`;
}

function effectName(effect: Effect): string {
  switch (effect.kind) {
    case 'scale':
      return `scale ${effect.group} from ${effect.from} to ${effect.to}`;
    case 'restart':
      return `restart ${effect.instances.join(', ')} of ${effect.group}`;
    case 'http': {
      // Its query may hold a secret.
      const { origin, pathname } = new URL(effect.url);
      return `${effect.method} ${origin}${pathname}`;
    }
    default: {
      const unreachable: never = effect;
      return unreachable;
    }
  }
}

/** Burn of the alert's own window pair; without one the pair nearest to its factor. */
export function relevantPair(reading: SloReading, alert: OpenAlert): SloReading['pairs'][number] | undefined {
  const named = reading.pairs.find(({ name }) => name === alert.labels['window']);
  return named ?? [...reading.pairs].sort((a, b) => b.burnShort / b.factor - a.burnShort / a.factor)[0];
}

/** Numbers that the judgement rests on, by name. */
export function evidenceOf(run: Run): Record<string, number> {
  const { before, after, alert } = run;
  const isOver = run.endedAtMs !== undefined;
  const numbers: Record<string, number | undefined> = {
    budgetRemainingAtStart: before?.budgetRemaining,
    burnAtStart: before === undefined ? undefined : relevantPair(before, alert)?.burnShort,
    minutesToExhaustion:
      before?.exhaustedAtMs === undefined ? undefined : (before.exhaustedAtMs - before.atMs) / 60_000,
    budgetRemaining: isOver ? after?.budgetRemaining : undefined,
    burnAtEnd: isOver && after !== undefined ? relevantPair(after, alert)?.burnShort : undefined,
    secondsToRecover: run.phase === 'succeeded' ? (run.quietSinceMs! - run.startedAtMs!) / 1_000 : undefined,
    replicasBefore: run.replicasBefore,
    replicasAfter: run.replicasAfter,
    stepsDone: run.done.length,
  };
  return Object.fromEntries(
    Object.entries(numbers).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}

/** Which statement of the run its present state is: one id each on the log. */
export function statementKey(run: Run): string {
  if (run.phase === 'executing') {
    const last = run.inFlight?.index ?? run.step - 1;
    // That it begins is no news; its first step is.
    return last < 0 ? 'planned' : `executing:${last}`;
  }
  if (run.phase === 'failed' && run.side === 'rollback')
    return run.endedAtMs === undefined ? 'failed' : 'failed:rollback';
  return run.phase;
}

function advance(run: Run, note: string, atMs: number): Run {
  const moved = { ...run, step: run.step + 1 };
  if (moved.step < moved[moved.side].length) return say(moved, moved.phase, note, atMs);
  if (moved.side === 'rollback') return end(moved, 'rolled-back', `${run.reason}; rolled back: ${note}`, atMs);
  if (moved.done.length === 0)
    return end(moved, 'failed', `no step changed anything: ${moved.skipped.join('; ')}`, atMs);
  const text = `${note}; waits until it helps, ${moved.verify.withinMs / 1_000} s at most`;
  return say({ ...moved, verifyingSinceMs: atMs }, 'verifying', text, atMs);
}

/** What was begun is undone, where the runbook says how. */
function fail(run: Run, reason: string, atMs: number): Run {
  if (run.side === 'rollback')
    return end({ ...run, inFlight: undefined }, 'failed', `${run.reason}; the rollback failed: ${reason}`, atMs);
  const touched = run.done.length > 0 || run.inFlight !== undefined;
  const left = { ...run, inFlight: undefined };
  if (!touched || run.rollback.length === 0) return end(left, 'failed', reason, atMs);
  return say({ ...left, side: 'rollback', step: 0 }, 'failed', reason, atMs);
}

function observe(run: Run, { atMs, reading, trouble, alertResolved }: RunEvent & { kind: 'observed' }): Run {
  const baselineAtMs = run.baselineAtMs ?? reading?.atMs;
  const seen = { ...run, baselineAtMs, after: reading ?? run.after };
  const doubt = doubtOf(seen, reading, trouble, alertResolved);
  if (doubt === undefined) {
    const quietSinceMs = run.quietSinceMs ?? atMs;
    const well = { ...seen, quietSinceMs };
    return atMs - quietSinceMs >= run.verify.quietForMs ? end(well, 'succeeded', recovered(well), atMs) : well;
  }
  if (atMs - run.verifyingSinceMs! > run.verify.withinMs)
    return fail(
      { ...seen, quietSinceMs: undefined },
      `it did not help within ${run.verify.withinMs / 1_000} s: ${doubt}`,
      atMs,
    );
  return { ...seen, quietSinceMs: undefined };
}

/** Why it cannot be called healed yet. */
function doubtOf(
  run: Run,
  reading: SloReading | undefined,
  trouble: string | undefined,
  alertResolved: boolean,
): string | undefined {
  if (trouble !== undefined) return `the SLO could not be read: ${trouble}`;
  if (reading !== undefined) {
    // Silence is no recovery: samples must have come since.
    if (run.baselineAtMs === undefined || reading.atMs <= run.baselineAtMs) return 'no newer samples have been judged';
    const pair = relevantPair(reading, run.alert);
    if (pair !== undefined && pair.burnShort >= pair.factor)
      return `the burn is ${pair.burnShort.toFixed(1)}, at or over its limit ${pair.factor}`;
  }
  return alertResolved ? undefined : 'the alert still fires';
}

function recovered(run: Run): string {
  const { secondsToRecover, burnAtStart, burnAtEnd, minutesToExhaustion } = evidenceOf({
    ...run,
    phase: 'succeeded',
    endedAtMs: 0,
  });
  const what = run.done.map(({ effect }) => effectName(effect)).join('; ');
  const burn =
    burnAtStart === undefined || burnAtEnd === undefined
      ? ''
      : `, burn ${burnAtStart.toFixed(1)} then, ${burnAtEnd.toFixed(1)} now`;
  const saved =
    minutesToExhaustion === undefined
      ? ''
      : `; at that burn the budget would have been spent in ${minutesToExhaustion.toFixed(1)} minutes`;
  return `${what}: well after ${secondsToRecover?.toFixed(0)} s${burn}${saved}`;
}

function end(run: Run, phase: RunPhase, text: string, atMs: number): Run {
  return say({ ...run, endedAtMs: atMs }, phase, text, atMs);
}

function say(run: Run, phase: RunPhase, text: string, atMs: number): Run {
  // While it rolls back, the reason stays that of the failure.
  const reason = phase === 'failed' && run.phase === 'failed' && run.endedAtMs === undefined ? run.reason : text;
  return log({ ...run, phase, reason }, text, atMs);
}

function log(run: Run, text: string, atMs: number): Run {
  return { ...run, history: [...run.history, { atMs, phase: run.phase, text }] };
}

/** What a step would do, in words, before anything is known of the present state. */
export function stepText(step: Step, labels: Labels): string {
  const rendered = (template: string): string => {
    try {
      return renderText(template, labels);
    } catch (error) {
      if (error instanceof TemplateError) return template;
      throw error;
    }
  };
  switch (step.kind) {
    case 'scale': {
      const { group, replicas, min, max } = step;
      const to = typeof replicas === 'object' ? `by ${replicas.by > 0 ? '+' : ''}${replicas.by}` : `to ${replicas}`;
      return `scale ${rendered(group)} ${to} (${min} to ${max})`;
    }
    case 'restart':
      return `restart ${step.instance === undefined ? `the ${step.which} of ${rendered(step.group)}` : rendered(step.instance)}`;
    case 'http':
      return `${step.method} ${step.url.split('?')[0]}`;
    default: {
      const unreachable: never = step;
      return unreachable;
    }
  }
}
