import { z } from 'zod';
import { provenanceSchema, schemaVersion } from './signal.js';

const time = z.iso.datetime();

export const burnWindowSchema = z
  .object({
    name: z.string(),
    severity: z.enum(['page', 'ticket']),
    longMs: z.number(),
    shortMs: z.number(),
    factor: z.number(),
    burnLong: z.number(),
    burnShort: z.number(),
    firing: z.boolean(),
  })
  .meta({ id: 'BurnWindow' });

export const sloStatusSchema = z
  .object({
    schemaVersion: z.literal(schemaVersion),
    name: z.string(),
    displayName: z.string(),
    service: z.string(),
    /** Share of good events promised, 0 to 1. */
    target: z.number(),
    windowMs: z.number(),
    /** Edge of the newest bucket that the numbers reach. */
    at: time,
    good: z.number(),
    total: z.number(),
    /** Share of good events in the window; null before the first event. */
    sli: z.number().nullable(),
    /** 1 untouched, 0 spent, below 0 overspent. */
    budgetRemaining: z.number(),
    /** When the budget runs out at the present burn; null when it does not. */
    exhaustedAt: time.nullable(),
    windows: z.array(burnWindowSchema),
    provenance: provenanceSchema,
  })
  .meta({ id: 'SloStatus' });
export type SloStatus = z.infer<typeof sloStatusSchema>;

export const sloHistorySchema = z
  .object({
    name: z.string(),
    stepMs: z.number(),
    points: z.array(z.object({ t: z.number(), good: z.number(), total: z.number(), budgetRemaining: z.number() })),
  })
  .meta({ id: 'SloHistory' });
export type SloHistory = z.infer<typeof sloHistorySchema>;

export const anomalyPointSchema = z
  .object({
    t: z.number(),
    value: z.number(),
    expected: z.number(),
    lower: z.number(),
    upper: z.number(),
    score: z.number(),
    isAnomaly: z.boolean(),
  })
  .meta({ id: 'AnomalyPoint' });
export type AnomalyPoint = z.infer<typeof anomalyPointSchema>;

export const watchedSeriesSchema = z
  .object({
    id: z.string(),
    watch: z.string(),
    labels: z.record(z.string(), z.string()),
    query: z.string(),
    points: z.array(anomalyPointSchema),
  })
  .meta({ id: 'WatchedSeries' });
export type WatchedSeries = z.infer<typeof watchedSeriesSchema>;

export const watchStatusSchema = z
  .object({
    name: z.string(),
    service: z.string(),
    description: z.string(),
    query: z.string(),
    stepMs: z.number(),
    unit: z.string(),
    direction: z.enum(['up', 'down', 'both']),
    severity: z.enum(['page', 'ticket', 'info']),
    documentHash: z.string(),
    /** How many series the query has at present. */
    series: z.number(),
  })
  .meta({ id: 'WatchStatus' });
export type WatchStatus = z.infer<typeof watchStatusSchema>;

/** One series of a watch, with its last point alone. */
export const watchedSeriesItemSchema = watchedSeriesSchema
  .omit({ points: true })
  .extend({
    last: anomalyPointSchema.nullable(),
    /** An anomaly is open. */
    firing: z.boolean(),
    /** What the trained model says, 1 where its alarm would be; null while it is not loaded or knows too little. */
    modelScore: z.number().nullable(),
  })
  .meta({ id: 'WatchedSeriesItem' });
export type WatchedSeriesItem = z.infer<typeof watchedSeriesItemSchema>;

export const forecastSchema = z
  .object({
    schemaVersion: z.literal(schemaVersion),
    id: z.string(),
    series: z.string(),
    unit: z.string(),
    madeAt: time,
    stepMs: z.number(),
    levels: z.array(z.number()),
    points: z.array(z.object({ t: z.number(), mean: z.number(), quantiles: z.array(z.number()) })),
    evidence: z.object({
      historyPoints: z.number(),
      /** In steps; 1 where none was found. */
      season: z.number(),
      models: z.array(z.object({ name: z.string(), weight: z.number(), backtestError: z.number() })),
      backtestCoverage: z.number().nullable(),
    }),
    provenance: provenanceSchema,
  })
  .meta({ id: 'Forecast' });
export type ForecastAnswer = z.infer<typeof forecastSchema>;

export const replicaAdviceSchema = z
  .object({
    schemaVersion: z.literal(schemaVersion),
    service: z.string(),
    /** Whose demand it rests on. */
    series: z.string(),
    replicas: z.int(),
    reason: z.string(),
    at: time,
    /** Highest demand to be served, in the series' unit. */
    peak: z.number(),
    capacityPerReplica: z.number(),
    targetUtilisation: z.number(),
    provenance: provenanceSchema,
  })
  .meta({ id: 'ReplicaAdvice' });
export type ReplicaAdvice = z.infer<typeof replicaAdviceSchema>;

export const healthSchema = z
  .object({
    status: z.enum(['ok', 'starting', 'degraded']),
    version: z.string(),
    startedAt: time,
    services: z.array(z.string()),
    log: z.string(),
    store: z.string(),
    tensor: z.object({ backend: z.string(), reason: z.string() }).nullable(),
    reasons: z.array(z.string()),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof healthSchema>;

export const processGroupSchema = z
  .object({ name: z.string(), replicas: z.int(), instances: z.array(z.string()) })
  .meta({ id: 'ProcessGroup' });
export type ProcessGroupAnswer = z.infer<typeof processGroupSchema>;
