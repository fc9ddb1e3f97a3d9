import { canonicalJson, checkSource, type DocumentError, documentSources, durationSchema } from '@vigil/catalog';
import { compileMatchers, fingerprint, type LabelMatcher, type Labels, MatcherError } from '@vigil/telemetry';
import { z } from 'zod';
import { templateProblem, textsIn, urlTemplateProblem } from './template.js';

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower case letters, digits and -, at most 63');
const replicaCount = z.int().min(0, 'must be 0 or more').max(10_000, 'must be at most 10000');

/** Text with `{{ labels.NAME }}` in it. */
const template = z
  .string()
  .min(1, 'must not be empty')
  .superRefine((text, context) => {
    const problem = templateProblem(text);
    if (problem !== undefined) context.addIssue(problem);
  });
const urlTemplate = z.string().superRefine((text, context) => {
  const problem = urlTemplateProblem(text);
  if (problem !== undefined) context.addIssue(problem);
});
const bodyTemplate = z.unknown().superRefine((body, context) => {
  for (const text of textsIn(body)) {
    const problem = templateProblem(text);
    if (problem !== undefined) {
      context.addIssue(problem);
      return;
    }
  }
});

const bySchema = z.strictObject({
  by: z
    .int()
    .min(-100, 'must be -100 or more')
    .max(100, 'must be at most 100')
    .refine((by) => by !== 0, 'must not be 0'),
});
const countSchema = z.union([replicaCount, bySchema], 'must be a number of replicas, or { by: +N }');

const scaleSchema = z
  .strictObject({
    group: template,
    replicas: z.union(
      [replicaCount, z.literal('recommended'), z.literal('before'), bySchema],
      "must be a number of replicas, 'recommended', { by: +N }, or in a rollback 'before'",
    ),
    /** What a bad number may do at worst. */
    min: replicaCount.default(1),
    max: replicaCount,
    /** Whose demand the recommendation is of; the alert's service by default. */
    service: template.optional(),
    /** Instead of a recommendation that cannot be had. */
    fallback: countSchema.optional(),
  })
  .refine(({ min, max }) => min <= max, { path: ['max'], error: 'must not be below min' });

const restartSchema = z
  .strictObject({
    group: template,
    instance: template.optional(),
    /** `worst`: the one that most open alerts of the service name in their `instance` label. */
    which: z.enum(['worst', 'oldest', 'all']).optional(),
    /** Instead of a worst one that no alert names. */
    fallback: z.enum(['oldest', 'all']).optional(),
  })
  .refine(({ instance, which }) => (instance === undefined) !== (which === undefined), {
    path: ['instance'],
    error: "must be given, or 'which' instead of it",
  });

const ownHeaders = /^(host|content-length|transfer-encoding|connection|idempotency-key|x-vigil-signature)$/i;
const httpSchema = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  url: urlTemplate,
  headers: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a header')
        .refine((header) => !ownHeaders.test(header), 'must be none of the headers that Vigil sets'),
      template,
    )
    .default({}),
  body: bodyTemplate.optional(),
  /** The receiver knows the Idempotency-Key: after a crash the call may be made again. GET, PUT and DELETE may anyway. */
  idempotent: z.boolean().optional(),
});

const stepSchema = z
  .strictObject({
    scale: scaleSchema.optional(),
    restart: restartSchema.optional(),
    http: httpSchema.optional(),
    timeout: durationSchema.refine((ms) => ms >= 100 && ms <= 3_600_000, 'must be from 100ms to 1h').default(30_000),
    retries: z.int().min(0, 'must be 0 or more').max(10, 'must be at most 10').default(2),
  })
  .refine(({ scale, restart, http }) => [scale, restart, http].filter((kind) => kind !== undefined).length === 1, {
    error: 'must be exactly one of scale, restart and http',
  });

const runbookSchema = z.strictObject({
  apiVersion: z.literal('vigil/v1'),
  kind: z.literal('Runbook'),
  metadata: z.strictObject({ name, labels: z.record(z.string(), z.string()).default({}) }),
  spec: z.strictObject({
    description: z.string().default(''),
    match: z.strictObject({
      kinds: z.array(z.enum(['burn', 'anomaly', 'saturation', 'absence'])).default([]),
      /** Values that the alert's labels must have. */
      labels: z.record(z.string(), z.string()).default({}),
      /** Regular expressions that the whole values must match. */
      patterns: z.record(z.string(), z.string()).default({}),
    }),
    priority: z.int().default(0),
    cooldown: durationSchema.default(600_000),
    /** Says what it would do, and does nothing. */
    dryRun: z.boolean().default(true),
    maxRunsPerHour: z.int().min(1, 'must be 1 or more').default(4),
    steps: z.array(stepSchema).min(1, 'must have a step').max(20, 'must have at most 20 steps'),
    verify: z
      .strictObject({
        slo: template.optional(),
        within: durationSchema.default(600_000),
        quietFor: durationSchema.default(30_000),
      })
      .default({ within: 600_000, quietFor: 30_000 }),
    rollback: z.array(stepSchema).max(20, 'must have at most 20 steps').default([]),
  }),
});

type Spec = z.infer<typeof runbookSchema>['spec'];
type StepDocument = Spec['steps'][number];

export interface StepLimits {
  readonly timeoutMs: number;
  readonly retries: number;
}
export type ScaleStep = { readonly kind: 'scale' } & z.infer<typeof scaleSchema> & StepLimits;
export type RestartStep = { readonly kind: 'restart' } & z.infer<typeof restartSchema> & StepLimits;
export type HttpStep = { readonly kind: 'http' } & z.infer<typeof httpSchema> & StepLimits;
export type Step = ScaleStep | RestartStep | HttpStep;
export type ReplicaCount = z.infer<typeof countSchema>;

export interface Verification {
  /** Template of the SLO's name; the alert's label `slo` where undefined. */
  readonly slo: string | undefined;
  readonly withinMs: number;
  /** How long it must stay well to count as healed. */
  readonly quietForMs: number;
}

/** What to do about which alerts, within which limits, and how to see that it helped. */
export interface Runbook {
  readonly name: string;
  readonly labels: Labels;
  readonly description: string;
  readonly kinds: Spec['match']['kinds'];
  readonly matchers: readonly LabelMatcher[];
  readonly priority: number;
  readonly cooldownMs: number;
  readonly dryRun: boolean;
  readonly maxRunsPerHour: number;
  readonly steps: readonly Step[];
  readonly verify: Verification;
  readonly rollback: readonly Step[];
  /** Template of the group that its steps act on; undefined for calls alone. */
  readonly group: string | undefined;
  /** Provenance: of the canonical content. */
  readonly documentHash: string;
}

/** Reads `kind: Runbook` documents. A bad one is told with its line and path and leaves the others alone. */
export function parseRunbooks(
  text: string,
  file: string,
): { readonly runbooks: readonly Runbook[]; readonly errors: readonly DocumentError[] } {
  const runbooks: Runbook[] = [];
  const errors: DocumentError[] = [];
  const report = (error: DocumentError): void => void errors.push(error);
  for (const source of documentSources(text, file, report)) {
    const document = checkSource(runbookSchema, source, file, report);
    if (document === undefined) continue;
    const problem =
      problemOf(document.spec) ??
      (runbooks.some((runbook) => runbook.name === document.metadata.name)
        ? { path: ['metadata', 'name'], message: `'${document.metadata.name}' is the name of two runbooks` }
        : undefined);
    if (problem === undefined) runbooks.push(runbookOf(document));
    else report({ file, line: source.lineOf(problem.path), path: problem.path.join('.'), message: problem.message });
  }
  return { runbooks, errors };
}

function runbookOf(document: z.infer<typeof runbookSchema>): Runbook {
  const { metadata, spec } = document;
  const steps = spec.steps.map(stepOf);
  const rollback = spec.rollback.map(stepOf);
  return {
    ...metadata,
    description: spec.description,
    kinds: spec.match.kinds,
    matchers: matchersOf(spec.match),
    priority: spec.priority,
    cooldownMs: spec.cooldown,
    dryRun: spec.dryRun,
    maxRunsPerHour: spec.maxRunsPerHour,
    steps,
    verify: { slo: spec.verify.slo, withinMs: spec.verify.within, quietForMs: spec.verify.quietFor },
    rollback,
    group: groupsOf(spec)[0],
    documentHash: fingerprint({ content: canonicalJson(document) }),
  };
}

function stepOf({ scale, restart, http, timeout: timeoutMs, retries }: StepDocument): Step {
  if (scale !== undefined) return { kind: 'scale', ...scale, timeoutMs, retries };
  if (restart !== undefined) return { kind: 'restart', ...restart, timeoutMs, retries };
  return { kind: 'http', ...http!, timeoutMs, retries };
}

function matchersOf({ labels, patterns }: Spec['match']): LabelMatcher[] {
  return [
    ...Object.entries(labels).map(([name, value]) => ({ name, op: '=' as const, value })),
    ...Object.entries(patterns).map(([name, value]) => ({ name, op: '=~' as const, value })),
  ];
}

/** Groups that the steps name, each once. */
function groupsOf({ steps, rollback }: Spec): string[] {
  const named = [...steps, ...rollback].flatMap(({ scale, restart }) => scale?.group ?? restart?.group ?? []);
  return [...new Set(named)];
}

/** What the schema cannot see. */
function problemOf(spec: Spec): { path: string[]; message: string } | undefined {
  try {
    // Whoever has none of the labels must not match, or everything would.
    if (compileMatchers(matchersOf(spec.match))({})) {
      return {
        path: ['spec', 'match'],
        message: 'matches every alert; name a label that must have a value (labels, patterns)',
      };
    }
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    return { path: ['spec', 'match', 'patterns'], message: error.message };
  }
  const groups = groupsOf(spec);
  if (groups.length > 1) {
    return {
      path: ['spec', 'steps'],
      message: `act on ${groups.map((group) => `'${group}'`).join(' and ')}: write a runbook for each, so that each is guarded by itself`,
    };
  }
  if (spec.steps.some(({ scale }) => scale?.replicas === 'before'))
    return { path: ['spec', 'steps'], message: "'before' is what a rollback returns to" };
  return undefined;
}
