import { runPhases } from '@vigil/remediation';
import { z } from 'zod';
import { provenanceSchema, schemaVersion, signalKinds } from './signal.js';

/** Said on `vigil.alerts` when an alert opens or closes, and when a notification has been delivered. */
export const alertMessageSchema = z
  .object({
    schemaVersion: z.literal(schemaVersion),
    id: z.string(),
    event: z.enum(['opened', 'resolved', 'notified']),
    fingerprint: z.string(),
    /** Kind of the signal that opened or resolved it. */
    kind: z.enum(signalKinds).optional(),
    signalId: z.string().optional(),
    receiver: z.string().optional(),
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()),
    /** Numbers that the signal rests on. */
    evidence: z.record(z.string(), z.number()).optional(),
    at: z.iso.datetime(),
    provenance: provenanceSchema.optional(),
  })
  .meta({ id: 'AlertMessage' });
export type AlertMessage = z.infer<typeof alertMessageSchema>;

/** Said on `vigil.actions` at every step of a healing action. */
export const actionMessageSchema = z
  .object({
    schemaVersion: z.literal(schemaVersion),
    id: z.string(),
    runId: z.string(),
    phase: z.enum(runPhases),
    runbook: z.string(),
    target: z.string(),
    /** Why it was chosen, refused or judged so, in words. */
    reason: z.string(),
    evidence: z.record(z.string(), z.number()),
    labels: z.record(z.string(), z.string()),
    signalId: z.string(),
    at: z.iso.datetime(),
    provenance: provenanceSchema,
  })
  .meta({ id: 'ActionMessage' });
export type ActionMessage = z.infer<typeof actionMessageSchema>;

/** One line of what happened, as the console and the terminal show it. */
export const timelineEntrySchema = z
  .object({
    id: z.number(),
    at: z.iso.datetime(),
    kind: z.enum(['signal', 'alert', 'notification', 'action', 'demo']),
    subject: z.string(),
    /** The signal, alert message or action message itself. */
    body: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TimelineEntry' });
export type TimelineEntry = z.infer<typeof timelineEntrySchema>;

/** RFC 9457. `type` is stable; `detail` is for people. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    /** Where in the input it was found: a byte offset, a JSON path or a line. */
    position: z.union([z.string(), z.number()]).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;
