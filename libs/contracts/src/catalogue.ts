import { dependencyKinds, tiers } from '@vigil/catalog';
import { z } from 'zod';

export const serviceSchema = z
  .object({
    name: z.string(),
    description: z.string(),
    owners: z.object({ operations: z.string(), business: z.string() }),
    team: z.string().nullable(),
    tier: z.enum(tiers),
    zone: z.string().nullable(),
    dependsOn: z.array(z.object({ service: z.string(), kind: z.enum(dependencyKinds) })),
    runbook: z.string().nullable(),
    dashboard: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Service' });
export type ServiceAnswer = z.infer<typeof serviceSchema>;

export const serviceDetailSchema = serviceSchema
  .extend({
    /** Services that would feel it if this one failed, nearest first. */
    dependants: z.array(z.string()),
  })
  .meta({ id: 'ServiceDetail' });
export type ServiceDetail = z.infer<typeof serviceDetailSchema>;
