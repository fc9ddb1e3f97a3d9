import { z } from 'zod';

/** Version of everything in this folder that is stored or sent; a reader refuses what is newer than it knows. */
export const schemaVersion = 1;

/** Names of the log's topics. */
export const topics = {
  samples: 'vigil.samples',
  signals: 'vigil.signals',
  alerts: 'vigil.alerts',
  actions: 'vigil.actions',
  deadLetters: 'vigil.dead-letters',
} as const;

const labels = z.record(z.string(), z.string());

/** Where a statement comes from: enough to compute it again. */
export const provenanceSchema = z.object({
  /** Hash of the document (SLO, watch, runbook) that asked for it. */
  documentHash: z.string(),
  /** Version of the model that judged, where one did. */
  modelVersion: z.string().optional(),
  /** Next offset by `topic/partition` when it was made. */
  logOffsets: z.record(z.string(), z.number()),
});
export type Provenance = z.infer<typeof provenanceSchema>;

export const signalKinds = ['burn', 'anomaly', 'saturation', 'absence'] as const;
export type SignalKind = (typeof signalKinds)[number];

export const signalDataSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  kind: z.enum(signalKinds),
  status: z.enum(['firing', 'resolved']),
  severity: z.enum(['page', 'ticket', 'info']),
  labels,
  annotations: labels,
  /** Numbers the judgement rests on, by name: burn rates, value, expected, lower, upper, score. */
  evidence: z.record(z.string(), z.number()),
  startsAt: z.iso.datetime(),
  endsAt: z.iso.datetime().optional(),
  provenance: provenanceSchema,
});

/**
 * What slo, anomaly and forecast say on `vigil.signals`: a CloudEvent (CloudEvents 1.0, JSON format). Its id is made of
 * rule, series and window edge, so that a replay says the same under the same id.
 */
export const signalSchema = z
  .object({
    specversion: z.literal('1.0'),
    id: z.string().min(1),
    source: z.string().min(1),
    type: z.string().regex(/^io\.vigil\.signal\.(burn|anomaly|saturation|absence)$/),
    subject: z.string().min(1),
    time: z.iso.datetime(),
    datacontenttype: z.literal('application/json'),
    data: signalDataSchema,
  })
  .meta({ id: 'Signal' });
export type Signal = z.infer<typeof signalSchema>;

export interface SignalInput {
  readonly source: 'slo' | 'anomaly' | 'forecast';
  readonly id: string;
  readonly subject: string;
  readonly timeMs: number;
  readonly data: Omit<Signal['data'], 'schemaVersion' | 'startsAt' | 'endsAt'> & {
    readonly startsAtMs: number;
    readonly endsAtMs?: number | undefined;
  };
}

export function makeSignal({ source, id, subject, timeMs, data }: SignalInput): Signal {
  const { startsAtMs, endsAtMs, ...rest } = data;
  return {
    specversion: '1.0',
    id,
    source: `/vigil/${source}`,
    type: `io.vigil.signal.${data.kind}`,
    subject,
    time: new Date(timeMs).toISOString(),
    datacontenttype: 'application/json',
    data: {
      schemaVersion,
      ...rest,
      startsAt: new Date(startsAtMs).toISOString(),
      ...(endsAtMs === undefined ? {} : { endsAt: new Date(endsAtMs).toISOString() }),
    },
  };
}
