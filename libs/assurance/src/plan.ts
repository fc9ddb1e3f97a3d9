import { checkSource, type DocumentError, documentSources } from '@vigil/catalog';
import { z } from 'zod';

export const directions = ['stop', 'start'] as const;

const name = z.string().min(1, 'must not be empty').max(200, 'must be at most 200 characters');
const time = z.iso.datetime({ offset: true, error: 'must be a time with its zone, such as 2026-12-13T10:00:00+08:00' });

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

const stepSchema = z.strictObject({
  name,
  /** What the step acts on: a service of the scope. */
  service: name,
  durationSeconds: z.number().min(0, 'must be 0 or more'),
  dependsOn: z.array(name).default([]),
  checklist: z.array(name).default([]),
});

const windowSchema = z.strictObject({
  direction: z.enum(directions),
  start: time,
  end: time,
  steps: z.array(stepSchema).default([]),
});

const personSchema = z.strictObject({ person: name, deputies: z.array(name).default([]) });

/** An event's plan: what stops or starts when, who answers for it, and what is in scope. */
export const planSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower case letters, digits and -, at most 63'),
    title: name,
    timeZone: z.string().refine(isZone, 'is no IANA time zone, such as Asia/Shanghai'),
    goals: z.array(name).default([]),
    roles: z.strictObject({ IC: personSchema, OL: personSchema, IR: personSchema, QA: personSchema }),
    services: z
      .array(z.strictObject({ name, tier: z.enum(['P0', 'P1', 'P2']) }))
      .min(1, 'must name a service in scope'),
    windows: z.array(windowSchema).min(1, 'must have a window'),
  })
  .superRefine((plan, context) => {
    const issue = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const services = new Set(plan.services.map((service) => service.name));
    plan.windows.forEach((window, w) => {
      if (Date.parse(window.end) <= Date.parse(window.start)) issue(['windows', w, 'end'], 'must be after start');
      const steps = new Set<string>();
      window.steps.forEach((step, s) => {
        if (steps.has(step.name)) issue(['windows', w, 'steps', s, 'name'], `'${step.name}' is the name of two steps`);
        steps.add(step.name);
        if (!services.has(step.service))
          issue(['windows', w, 'steps', s, 'service'], `'${step.service}' is no service of the scope`);
      });
      let known = true;
      window.steps.forEach((step, s) =>
        step.dependsOn.forEach((other, d) => {
          if (steps.has(other)) return;
          known = false;
          issue(['windows', w, 'steps', s, 'dependsOn', d], `'${other}' is no step of this window`);
        }),
      );
      const cycle = known ? findCycle(window.steps) : undefined;
      if (cycle !== undefined) issue(['windows', w, 'steps'], `wait for each other: ${cycle.join(' -> ')}`);
    });
  })
  .meta({ id: 'Plan' });
export type Plan = z.infer<typeof planSchema>;
export type PlanStep = z.infer<typeof stepSchema>;

/** A circle of steps that wait for each other, its first named again at the end; undefined when there is none. */
export function findCycle(steps: readonly Pick<PlanStep, 'name' | 'dependsOn'>[]): string[] | undefined {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const done = new Set<string>();
  const visit = (step: string, path: string[]): string[] | undefined => {
    const at = path.indexOf(step);
    if (at >= 0) return [...path.slice(at), step];
    if (done.has(step)) return undefined;
    for (const next of byName.get(step)?.dependsOn ?? []) {
      const cycle = visit(next, [...path, step]);
      if (cycle !== undefined) return cycle;
    }
    done.add(step);
    return undefined;
  };
  for (const step of byName.keys()) {
    const cycle = visit(step, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Reads a plan from YAML or JSON. Either a plan, or every error with its line and path. */
export function parsePlan(
  text: string,
  file: string,
): { readonly plan?: Plan; readonly errors: readonly DocumentError[] } {
  const errors: DocumentError[] = [];
  const report = (error: DocumentError): void => void errors.push(error);
  const [source] = documentSources(text, file, report);
  const plan = source === undefined ? undefined : checkSource(planSchema, source, file, report);
  if (plan !== undefined && errors.length === 0) return { plan, errors };
  if (errors.length === 0) report({ file, line: 1, path: '', message: 'the file is empty' });
  return { errors };
}

export interface ScheduledStep {
  readonly name: string;
  readonly service: string;
  /** Seconds from the window's start: the earliest at which all that it waits for is done. */
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** The earliest schedule of a window's steps, in the order of their start. The steps hold no circle. */
export function earliestSchedule(steps: readonly PlanStep[]): ScheduledStep[] {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const ends = new Map<string, number>();
  const endOf = (step: PlanStep): number => {
    const known = ends.get(step.name);
    if (known !== undefined) return known;
    const end = startOf(step) + step.durationSeconds;
    ends.set(step.name, end);
    return end;
  };
  const startOf = ({ dependsOn }: PlanStep): number =>
    Math.max(0, ...dependsOn.map((other) => endOf(byName.get(other)!)));
  return steps
    .map((step) => ({
      name: step.name,
      service: step.service,
      startSeconds: startOf(step),
      endSeconds: endOf(step),
    }))
    .sort((a, b) => a.startSeconds - b.startSeconds || (a.name < b.name ? -1 : 1));
}

export type PlanPhase = 'before' | 'running' | 'between' | 'after';

/** Where an event stands at a time, by its windows. */
export function planPhase({ windows }: Plan, nowMs: number): PlanPhase {
  const spans = windows.map(({ start, end }) => [Date.parse(start), Date.parse(end)] as const);
  if (spans.some(([start, end]) => nowMs >= start && nowMs < end)) return 'running';
  if (spans.every(([start]) => nowMs < start)) return 'before';
  return spans.every(([, end]) => nowMs >= end) ? 'after' : 'between';
}
