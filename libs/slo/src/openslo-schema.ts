import { z } from 'zod';
import { longestSloWindowMs, shortestSloWindowMs } from './burn-windows.js';

/** The part of OpenSLO v1 (github.com/OpenSLO/OpenSLO, specification v1) that is read; other fields may stand there. */
const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  // A rolling month and quarter have a fixed length; there is no calendar in them.
  M: 30 * 86_400_000,
  Q: 90 * 86_400_000,
};

/** Milliseconds of an OpenSLO duration such as `30d`, `6h` or `4w`, or undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^([1-9]\d*)([smhdwMQ])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * unitMs[match[2]!]!;
}

/** Label values may be lists; they are joined, as Prometheus labels are text. */
const textOrList = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? value : value.join(',')));

export const metadataSchema = z.object({
  name: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label (RFC 1123): lower case letters, digits and -')
    .max(63, 'must be at most 63 characters (RFC 1123)'),
  displayName: z.string().optional(),
  labels: z.record(z.string(), textOrList).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
});

const metricSchema = z.object({
  metricSource: z.object({
    type: z
      .string()
      .refine((type) => type.toLowerCase() === 'prometheus', 'is not supported; allowed: Prometheus')
      .optional(),
    metricSourceRef: z.string().optional(),
    spec: z.object({ query: z.string().min(1, 'must not be empty') }),
  }),
});

export const sliSpecSchema = z
  .object({
    description: z.string().optional(),
    thresholdMetric: z
      .undefined('is not supported yet; use ratioMetric, for latency over the buckets of a histogram')
      .optional(),
    ratioMetric: z.object(
      {
        counter: z.literal(true, 'must be true: good and total are counted from counters').default(true),
        good: metricSchema.optional(),
        bad: metricSchema.optional(),
        total: metricSchema,
        raw: z.undefined('is not supported yet; state good (or bad) and total').optional(),
      },
      'is required: good (or bad) and total',
    ),
  })
  .superRefine(({ ratioMetric: { good, bad } }, context) => {
    if ((good === undefined) === (bad === undefined)) {
      context.addIssue({ code: 'custom', path: ['ratioMetric'], message: 'must have exactly one of good and bad' });
    }
  });
export type SliSpec = z.infer<typeof sliSpecSchema>;

const windowSchema = z.object({
  duration: z.string().superRefine((text, context) => {
    const windowMs = parseDuration(text);
    if (windowMs === undefined) {
      context.addIssue({
        code: 'custom',
        message: `'${text}' is no duration; allowed: a number and one of s m h d w M Q`,
      });
    } else if (windowMs < shortestSloWindowMs || windowMs > longestSloWindowMs) {
      context.addIssue({ code: 'custom', message: `'${text}' is out of range; allowed: 10m to 90d` });
    }
  }),
  isRolling: z.literal(true, 'must be true: calendar windows are not supported yet').default(true),
  calendar: z.undefined('is not supported yet; use a rolling window').optional(),
});

const share = z.number().min(0, 'must be at least 0').lt(1, 'must be below 1');

const objectiveSchema = z
  .object({
    displayName: z.string().optional(),
    target: share.optional(),
    targetPercent: z.number().min(0, 'must be at least 0').lt(100, 'must be below 100').optional(),
  })
  .superRefine(({ target, targetPercent }, context) => {
    if ((target === undefined) === (targetPercent === undefined)) {
      context.addIssue({ code: 'custom', message: 'must have exactly one of target and targetPercent' });
    }
  });

export const sloSpecSchema = z
  .object({
    description: z.string().optional(),
    service: z.string().min(1, 'must not be empty'),
    indicator: z.object({ metadata: metadataSchema.optional(), spec: sliSpecSchema }).optional(),
    indicatorRef: z.string().optional(),
    timeWindow: z.array(windowSchema).length(1, 'must have exactly one window'),
    budgetingMethod: z.literal('Occurrences', 'is not supported yet; allowed: Occurrences').default('Occurrences'),
    objectives: z.array(objectiveSchema).min(1, 'must have an objective'),
  })
  .superRefine(({ indicator, indicatorRef }, context) => {
    if ((indicator === undefined) === (indicatorRef === undefined)) {
      context.addIssue({ code: 'custom', message: 'must have exactly one of indicator and indicatorRef' });
    }
  });

export const openSloVersion = 'openslo/v1';
export const openSloKinds = [
  'SLO',
  'SLI',
  'Service',
  'DataSource',
  'AlertPolicy',
  'AlertCondition',
  'AlertNotificationTarget',
] as const;

export const headSchema = z.object({
  apiVersion: z.literal(openSloVersion, `is not supported; allowed: ${openSloVersion}`),
  kind: z.enum(openSloKinds, `is none of OpenSLO's; allowed: ${openSloKinds.join(', ')}`),
  metadata: metadataSchema,
  spec: z.record(z.string(), z.unknown()),
});
