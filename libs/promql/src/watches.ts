import { canonicalJson, checkSource, type DocumentError, documentSources, durationSchema } from '@vigil/catalog';
import { compileMatchers, fingerprint, MatcherError } from '@vigil/telemetry';
import { z } from 'zod';
import { parseQuery } from './parse.js';
import { type Query, QueryError } from './query.js';

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower case letters, digits and -, at most 63');

const capacitySchema = z
  .strictObject({
    /** What one replica serves at full utilisation, in the query's unit. */
    perReplica: z.number().positive('must be above 0'),
    /** How full a replica may be, 0 to 1. */
    targetUtilisation: z.number().gt(0, 'must be above 0').max(1, 'must be at most 1').default(0.6),
    min: z.int().min(0, 'must be 0 or more').default(1),
    max: z.int().min(1, 'must be 1 or more'),
  })
  .refine(({ min, max }) => min <= max, { path: ['max'], error: 'must not be below min' });

const watchSchema = z.strictObject({
  apiVersion: z.literal('vigil/v1'),
  kind: z.literal('Watch'),
  metadata: z.strictObject({
    name,
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.strictObject({
    service: z.string().min(1, 'must not be empty'),
    description: z.string().default(''),
    query: z.string().min(1, 'must not be empty'),
    step: durationSchema.refine((ms) => ms >= 1_000, 'must be 1s or more').default(15_000),
    unit: z.string().default(''),
    /** Which deviations are worth a signal. */
    direction: z.enum(['up', 'down', 'both']).default('both'),
    severity: z.enum(['page', 'ticket', 'info']).default('info'),
    /** Demand that replicas are recommended for. */
    capacity: capacitySchema.optional(),
  }),
});

type Spec = z.infer<typeof watchSchema>['spec'];

/** A query that is evaluated as samples pass: what detectors judge and forecasts continue. */
export interface Watch extends Omit<Spec, 'query' | 'step' | 'capacity'> {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly queryText: string;
  readonly stepMs: number;
  readonly capacity: Spec['capacity'] | undefined;
  /** Provenance: of the canonical content. */
  readonly documentHash: string;
}

/** Reads `kind: Watch` documents. A bad one is told with its line and path and leaves the others alone. */
export function parseWatches(
  text: string,
  file: string,
): { readonly watches: readonly Watch[]; readonly errors: readonly DocumentError[] } {
  const watches: Watch[] = [];
  const errors: DocumentError[] = [];
  const report = (error: DocumentError): void => void errors.push(error);
  for (const source of documentSources(text, file, report)) {
    const document = checkSource(watchSchema, source, file, report);
    if (document === undefined) continue;
    const { metadata, spec } = document;
    const refuse = (path: string[], message: string): void =>
      report({ file, line: source.lineOf(path), path: path.join('.'), message });
    if (watches.some((watch) => watch.name === metadata.name)) {
      refuse(['metadata', 'name'], `'${metadata.name}' is the name of two watches`);
      continue;
    }
    try {
      const query = parseQuery(spec.query);
      checkMatchers(query);
      const { step: stepMs, query: queryText, ...rest } = spec;
      const documentHash = fingerprint({ content: canonicalJson(document) });
      watches.push({ ...metadata, ...rest, capacity: spec.capacity, query, queryText, stepMs, documentHash });
    } catch (error) {
      if (!(error instanceof QueryError || error instanceof MatcherError)) throw error;
      refuse(['spec', 'query'], error.message);
    }
  }
  return { watches, errors };
}

/** Watches of many files: a name is given once among all of them, the first holds. */
export function parseWatchFiles(files: Iterable<{ readonly text: string; readonly file: string }>): {
  readonly watches: readonly Watch[];
  readonly errors: readonly DocumentError[];
} {
  const watches = new Map<string, Watch>();
  const errors: DocumentError[] = [];
  for (const { text, file } of files) {
    const found = parseWatches(text, file);
    errors.push(...found.errors);
    for (const watch of found.watches) {
      const message = `'${watch.name}' is the name of a watch in another file`;
      if (watches.has(watch.name)) errors.push({ file, line: 1, path: 'metadata.name', message });
      else watches.set(watch.name, watch);
    }
  }
  return { watches: [...watches.values()], errors };
}

/** @throws MatcherError for a regular expression that does not compile. */
function checkMatchers(query: Query): void {
  switch (query.kind) {
    case 'number':
      return;
    case 'selector':
    case 'range':
      compileMatchers(query.matchers);
      return;
    case 'aggregate':
    case 'quantile':
    case 'or-zero':
      checkMatchers(query.of);
      return;
    case 'binary':
      checkMatchers(query.left);
      checkMatchers(query.right);
      return;
    default: {
      const unreachable: never = query;
      return unreachable;
    }
  }
}
