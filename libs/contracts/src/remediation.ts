import { runPhases } from '@vigil/remediation';
import { z } from 'zod';

const time = z.iso.datetime();
const labels = z.record(z.string(), z.string());

/** One attempt to heal one alert, as `GET /api/v1/actions` tells it. */
export const remediationRunSchema = z
  .object({
    id: z.string(),
    runbook: z.string(),
    target: z.string(),
    phase: z.enum(runPhases),
    /** Why it stands where it stands, in words. */
    reason: z.string(),
    alert: z.object({ id: z.string(), fingerprint: z.string(), signalId: z.string(), labels }),
    evidence: z.record(z.string(), z.number()),
    plannedAt: time,
    startedAt: time.nullable(),
    endedAt: time.nullable(),
    history: z.array(z.object({ at: time, phase: z.enum(runPhases), text: z.string() })),
  })
  .meta({ id: 'RemediationRun' });
export type RemediationRun = z.infer<typeof remediationRunSchema>;

export const runbookSummarySchema = z
  .object({
    name: z.string(),
    description: z.string(),
    /** In Prometheus' notation: `service="checkout"`. */
    matchers: z.array(z.string()),
    kinds: z.array(z.string()),
    priority: z.int(),
    cooldownMs: z.number(),
    maxRunsPerHour: z.int(),
    dryRun: z.boolean(),
    /** In words, without headers, bodies and queries, which may hold secrets. */
    steps: z.array(z.string()),
    rollback: z.array(z.string()),
    verify: z.object({ slo: z.string().nullable(), withinMs: z.number(), quietForMs: z.number() }),
    documentHash: z.string(),
  })
  .meta({ id: 'Runbook' });
export type RunbookSummary = z.infer<typeof runbookSummarySchema>;

export const remediationStateSchema = z
  .object({
    stopped: z.boolean(),
    since: time.nullable(),
    reason: z.string(),
    running: z.int(),
  })
  .meta({ id: 'RemediationState' });
export type RemediationState = z.infer<typeof remediationStateSchema>;
