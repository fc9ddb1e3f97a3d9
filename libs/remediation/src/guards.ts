import type { Candidate } from './choice.js';

export const guardNames = ['stopped', 'target-busy', 'cooldown', 'rate'] as const;
export type GuardName = (typeof guardNames)[number];

/** A run that acted or acts, as guards look back on it. */
export interface PastRun {
  readonly runbook: string;
  readonly target: string;
  readonly startedAtMs: number;
  /** Undefined while it is under way. */
  readonly endedAtMs: number | undefined;
}

export interface Refusal {
  readonly guard: GuardName;
  readonly reason: string;
  /** When asking again makes sense; undefined: nobody can say. */
  readonly retryAtMs: number | undefined;
}

const hourMs = 3_600_000;

/** The first guard that forbids acting now; undefined when none does. */
export function refusal(
  { runbook, target }: Candidate,
  past: readonly PastRun[],
  stopped: boolean,
  nowMs: number,
): Refusal | undefined {
  if (stopped) return { guard: 'stopped', reason: 'healing is stopped by the stop switch', retryAtMs: undefined };
  const onTarget = past.filter((run) => run.target === target);
  const busy = onTarget.find(({ endedAtMs }) => endedAtMs === undefined);
  if (busy !== undefined)
    return { guard: 'target-busy', reason: `${busy.runbook} is at work on ${target}`, retryAtMs: undefined };
  const lastMs = Math.max(...onTarget.map(({ endedAtMs }) => endedAtMs!));
  const coolAtMs = lastMs + runbook.cooldownMs;
  if (nowMs < coolAtMs) {
    const reason = `${target} was acted on ${seconds(nowMs - lastMs)} ago; the cooldown is ${seconds(runbook.cooldownMs)}`;
    return { guard: 'cooldown', reason, retryAtMs: coolAtMs };
  }
  const recent = past
    .filter((run) => run.runbook === runbook.name && run.startedAtMs > nowMs - hourMs)
    .map(({ startedAtMs }) => startedAtMs)
    .sort((a, b) => a - b);
  if (recent.length >= runbook.maxRunsPerHour) {
    const reason = `${runbook.name} ran ${recent.length} times within an hour; ${runbook.maxRunsPerHour} are allowed`;
    return { guard: 'rate', reason, retryAtMs: recent.at(-runbook.maxRunsPerHour)! + hourMs };
  }
  return undefined;
}

export interface Decision {
  readonly candidate: Candidate;
  /** The best candidate's refusal, where all were refused. */
  readonly refusal: Refusal | undefined;
  /** Candidates that guards held back, in words. */
  readonly heldBack: readonly string[];
}

/** The first candidate that no guard holds back, else the best with its refusal; undefined without candidates. */
export function decide(
  candidates: readonly Candidate[],
  past: readonly PastRun[],
  stopped: boolean,
  nowMs: number,
): Decision | undefined {
  const heldBack: string[] = [];
  let first: Refusal | undefined;
  for (const candidate of candidates) {
    const refused = refusal(candidate, past, stopped, nowMs);
    if (refused === undefined) return { candidate, refusal: undefined, heldBack };
    first ??= refused;
    heldBack.push(`${candidate.runbook.name}: ${refused.reason}`);
  }
  const [best] = candidates;
  return best === undefined ? undefined : { candidate: best, refusal: first, heldBack };
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
