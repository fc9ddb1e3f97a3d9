import type { Labels } from '@vigil/telemetry';
import type { OpenAlert } from './choice.js';
import type { ProcessGroup } from './process-groups.js';
import type { Effect, Run } from './run.js';
import type { HttpStep, ReplicaCount, RestartStep, ScaleStep } from './runbook.js';
import { renderBody, renderHeader, renderText, renderUrl } from './template.js';

/** A definite effect, or why there is nothing to do. @see StepError for what cannot be done. */
export type Resolution = { readonly effect: Effect } | { readonly skip: string };

/** A step that cannot be made definite. */
export class StepError extends Error {
  readonly code = 'bad-step';
  constructor(message: string) {
    super(message);
    this.name = StepError.name;
  }
}

/** What the forecast advises, or why it does not. */
export type Advice = { readonly replicas: number; readonly reason: string } | { readonly refusal: string };

/** How many replicas a scale step asks for, within its own bounds. @throws StepError */
export function resolveScale(
  step: ScaleStep,
  run: Pick<Run, 'replicasBefore'>,
  group: Pick<ProcessGroup, 'name' | 'replicas'>,
  advice: Advice | undefined,
): Resolution {
  const from = group.replicas;
  const { wanted, why } = wantedReplicas(step, run, from, advice);
  const to = Math.min(step.max, Math.max(step.min, wanted));
  const bounded = to === wanted ? why : `${why}, bounded to ${step.min} to ${step.max}`;
  if (to === from) return { skip: `${group.name} has ${from} replicas already (${bounded})` };
  return { effect: { kind: 'scale', group: group.name, from, to, why: bounded } };
}

function wantedReplicas(
  step: ScaleStep,
  { replicasBefore }: Pick<Run, 'replicasBefore'>,
  from: number,
  advice: Advice | undefined,
): { wanted: number; why: string } {
  const { replicas, fallback } = step;
  if (replicas === 'before') return { wanted: replicasBefore ?? from, why: 'as it was before' };
  if (replicas !== 'recommended') return count(replicas, from);
  const refusal =
    advice === undefined
      ? 'nobody advises'
      : 'refusal' in advice
        ? advice.refusal
        : advice.replicas <= from
          ? `the advice is ${advice.replicas}, though the alert fires with ${from}`
          : undefined;
  if (refusal === undefined && advice !== undefined && 'replicas' in advice)
    return { wanted: advice.replicas, why: `recommended: ${advice.reason}` };
  if (fallback === undefined) throw new StepError(`no recommendation, and no fallback in the runbook: ${refusal}`);
  const { wanted, why } = count(fallback, from);
  return { wanted, why: `fallback ${why}; no recommendation: ${refusal}` };
}

function count(replicas: ReplicaCount, from: number): { wanted: number; why: string } {
  if (typeof replicas === 'number') return { wanted: replicas, why: `${replicas} by the runbook` };
  return { wanted: from + replicas.by, why: `by ${replicas.by > 0 ? '+' : ''}${replicas.by}` };
}

/** What of an alert says which instance is bad, and how bad. */
type NamingAlert = Pick<OpenAlert, 'labels' | 'evidence'>;

/** Which instances a restart step means. `open`: all open alerts, among them those that name an instance. @throws StepError */
export function resolveRestart(
  step: RestartStep,
  { labels }: OpenAlert,
  group: Pick<ProcessGroup, 'name' | 'instances'>,
  open: readonly NamingAlert[],
): Resolution {
  const running = group.instances();
  const restart = (instances: readonly string[], why: string): Resolution => ({
    effect: { kind: 'restart', group: group.name, instances, why },
  });
  if (running.length === 0) throw new StepError(`no instance of ${group.name} runs`);
  if (step.instance !== undefined) {
    const instance = renderText(step.instance, labels);
    if (!running.includes(instance))
      throw new StepError(`'${instance}' is no instance of ${group.name}; there are ${running.join(', ')}`);
    return restart([instance], 'named by the alert');
  }
  if (step.which === 'all') return restart(running, 'all, one after another');
  if (step.which === 'oldest') return restart(running.slice(0, 1), 'the oldest');
  const worst = worstInstance(running, labels, open);
  if (worst !== undefined)
    return restart(
      [worst.instance],
      `named by ${worst.alerts} open ${worst.alerts === 1 ? 'alert' : 'alerts'}, the worst of all`,
    );
  const unnamed = `no open alert names an instance of ${group.name}`;
  if (step.fallback === undefined) throw new StepError(`${unnamed}, and the runbook has no fallback`);
  return step.fallback === 'all'
    ? restart(running, `${unnamed}: all, one after another`)
    : restart(running.slice(0, 1), `${unnamed}: the oldest`);
}

/** The instance that anomalies weigh most upon: an alert counts for its anomaly score, and for 1 without one. */
function worstInstance(
  running: readonly string[],
  { service }: Labels,
  open: readonly NamingAlert[],
): { instance: string; alerts: number } | undefined {
  const [worst] = running
    .map((instance) => {
      const alerts = open.filter(({ labels }) => labels['instance'] === instance && labels['service'] === service);
      const weight = alerts.reduce((sum, { evidence }) => sum + Math.max(1, evidence?.['score'] ?? 1), 0);
      return { instance, alerts: alerts.length, weight };
    })
    .sort((a, b) => b.weight - a.weight);
  return worst === undefined || worst.alerts === 0 ? undefined : worst;
}

/** @throws TemplateError for a value that cannot stand where the runbook puts it. */
export function resolveHttp(step: HttpStep, { labels }: OpenAlert): Resolution {
  const { method, idempotent } = step;
  const body = step.body === undefined ? undefined : renderBody(step.body, labels);
  const headers = Object.entries(step.headers).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    renderHeader(value, labels),
  ]);
  return {
    effect: {
      kind: 'http',
      method,
      url: renderUrl(step.url, labels),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...Object.fromEntries(headers),
      },
      body,
      idempotent: idempotent ?? (method === 'GET' || method === 'PUT' || method === 'DELETE'),
    },
  };
}
