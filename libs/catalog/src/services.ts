import { z } from 'zod';
import { checkSource, type DocumentError, documentSources } from './documents.js';

export const tiers = ['P0', 'P1', 'P2'] as const;
export type Tier = (typeof tiers)[number];
export const dependencyKinds = ['calls', 'stores', 'queues', 'shares'] as const;

const name = z.string().min(1, 'must not be empty').max(200, 'must be at most 200 characters');

const serviceSchema = z.strictObject({
  apiVersion: z.literal('vigil/v1'),
  kind: z.literal('Service'),
  metadata: z.strictObject({ name, labels: z.record(z.string(), z.string()).default({}) }),
  spec: z.strictObject({
    description: z.string().default(''),
    owners: z.strictObject({ operations: name, business: name }),
    team: name.optional(),
    tier: z.enum(tiers),
    zone: name.optional(),
    dependsOn: z.array(z.strictObject({ service: name, kind: z.enum(dependencyKinds).default('calls') })).default([]),
    runbook: z.url('must be a URL').optional(),
    dashboard: z.url('must be a URL').optional(),
  }),
});

/** Something people run and answer for. */
export interface Service {
  readonly name: string;
  readonly description: string;
  /** Who keeps it running, and whose business it is. */
  readonly owners: { readonly operations: string; readonly business: string };
  readonly team: string | undefined;
  /** P0: stops the business; P2: can wait. */
  readonly tier: Tier;
  readonly zone: string | undefined;
  readonly dependsOn: readonly { readonly service: string; readonly kind: (typeof dependencyKinds)[number] }[];
  readonly runbook: string | undefined;
  readonly dashboard: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Services by name, and who stands below whom. */
export class Catalogue {
  readonly #services: ReadonlyMap<string, Service>;

  constructor(services: readonly Service[]) {
    this.#services = new Map(services.map((service) => [service.name, service]));
  }

  services(): readonly Service[] {
    return [...this.#services.values()];
  }

  find(name: string): Service | undefined {
    return this.#services.get(name);
  }

  /** Names of the services that would feel it if this one failed: those that depend on it, and theirs, nearest first. */
  dependants(name: string): string[] {
    const found = new Set<string>();
    let wave = [name];
    while (wave.length > 0) {
      const next = this.services().filter(
        (service) =>
          service.name !== name && !found.has(service.name) && service.dependsOn.some((d) => wave.includes(d.service)),
      );
      wave = next.map((service) => service.name);
      for (const service of wave) found.add(service);
    }
    return [...found];
  }
}

/** Reads `kind: Service` documents. A bad one is told with its line and path and leaves the others alone. */
export function parseServices(
  text: string,
  file: string,
): { readonly services: readonly Service[]; readonly errors: readonly DocumentError[] } {
  const services: Service[] = [];
  const errors: DocumentError[] = [];
  const report = (error: DocumentError): void => void errors.push(error);
  for (const source of documentSources(text, file, report)) {
    const document = checkSource(serviceSchema, source, file, report);
    if (document === undefined) continue;
    const { metadata, spec } = document;
    if (services.some((service) => service.name === metadata.name)) {
      const path = ['metadata', 'name'];
      report({
        file,
        line: source.lineOf(path),
        path: path.join('.'),
        message: `'${metadata.name}' is the name of two services`,
      });
    } else {
      services.push({
        name: metadata.name,
        labels: metadata.labels,
        ...spec,
        team: spec.team,
        zone: spec.zone,
        runbook: spec.runbook,
        dashboard: spec.dashboard,
      });
    }
  }
  return { services, errors };
}
