import {
  canonicalJson,
  checkSource,
  type DocumentError,
  type DocumentPath,
  type DocumentSource,
  documentSources,
  pathText,
} from '@vigil/catalog';
import { fingerprint } from '@vigil/telemetry';
import { z } from 'zod';
import {
  headSchema,
  metadataSchema,
  parseDuration,
  sliSpecSchema,
  type SliSpec,
  sloSpecSchema,
} from './openslo-schema.js';
import type { SloDocument, SourcedQuery } from './slo-document.js';

export interface OpenSloFile {
  readonly slos: readonly SloDocument[];
  readonly errors: readonly DocumentError[];
}

const sliSchema = headSchema.extend({ kind: z.literal('SLI'), spec: sliSpecSchema });
const sloSchema = headSchema.extend({ kind: z.literal('SLO'), metadata: metadataSchema, spec: sloSpecSchema });
type Slo = z.infer<typeof sloSchema>;

/**
 * Reads OpenSLO v1 objects from YAML or JSON: one, several documents, or a list. SLOs come out with their indicator
 * resolved; objects of other kinds are checked in their head alone. One bad object does not spoil the others.
 * @param hash of an object's canonical content; by default 64-bit FNV-1a in hex.
 */
export function parseOpenSlo(
  text: string,
  file: string,
  hash: (content: string) => string = (content) => fingerprint({ content }),
): OpenSloFile {
  const errors: DocumentError[] = [];
  const slis = new Map<string, { spec: SliSpec; source: DocumentSource }>();
  const found: { slo: Slo; source: DocumentSource }[] = [];
  const report = (error: DocumentError): void => void errors.push(error);

  for (const source of documentSources(text, file, report)) {
    const head = checkSource(headSchema, source, file, report);
    if (head?.kind === 'SLI') {
      const sli = checkSource(sliSchema, source, file, report);
      if (sli !== undefined) slis.set(sli.metadata.name, { spec: sli.spec, source });
    } else if (head?.kind === 'SLO') {
      const slo = checkSource(sloSchema, source, file, report);
      if (slo !== undefined) found.push({ slo, source });
    }
  }

  const slos: SloDocument[] = [];
  const seen = new Set<string>();
  for (const { slo, source } of found) {
    const refuse = (path: DocumentPath, message: string): void => {
      errors.push({ file, line: source.lineOf(path), path: pathText(path), message });
    };
    const { indicator, indicatorRef } = slo.spec;
    const sli =
      indicator === undefined
        ? resolved(slis.get(indicatorRef ?? ''), ['spec'])
        : resolved({ spec: indicator.spec, source }, ['spec', 'indicator', 'spec']);
    if (sli === undefined) {
      const names = [...slis.keys()].join(', ') || 'none';
      refuse(['spec', 'indicatorRef'], `no valid SLI '${indicatorRef}' in this file; there: ${names}`);
      continue;
    }
    for (const document of documentsOf(slo, sli, { file, line: source.lineOf([]), hash })) {
      if (seen.has(document.name)) refuse(['metadata', 'name'], `'${document.name}' is the name of two SLOs`);
      else slos.push(document);
      seen.add(document.name);
    }
  }
  return { slos, errors };
}

/** One document an objective. */
function documentsOf(
  { metadata, spec }: Slo,
  sli: SloDocument['sli'],
  { file, line, hash }: { file: string; line: number; hash: (content: string) => string },
): SloDocument[] {
  return spec.objectives.map((objective, i) => {
    const content = {
      name: i === 0 ? metadata.name : `${metadata.name}-${i + 1}`,
      displayName: objective.displayName ?? metadata.displayName ?? metadata.name,
      description: spec.description ?? '',
      service: spec.service,
      // 99.9 / 100 is not 0.999 to the last bit; twelve digits say what was meant.
      target: objective.target ?? Number((objective.targetPercent! / 100).toPrecision(12)),
      windowMs: parseDuration(spec.timeWindow[0]!.duration)!,
      labels: metadata.labels,
      annotations: metadata.annotations,
    };
    const queries = { good: sli.good?.text, bad: sli.bad?.text, total: sli.total.text };
    return { ...content, sli, hash: hash(canonicalJson({ ...content, queries })), file, line };
  });
}

function resolved(
  found: { readonly spec: SliSpec; readonly source: DocumentSource } | undefined,
  base: DocumentPath,
): SloDocument['sli'] | undefined {
  if (found === undefined) return undefined;
  const { spec, source } = found;
  const query = (role: 'good' | 'bad' | 'total'): SourcedQuery | undefined => {
    const text = spec.ratioMetric[role]?.metricSource.spec.query;
    if (text === undefined) return undefined;
    const path = [...base, 'ratioMetric', role, 'metricSource', 'spec', 'query'];
    return { text, path: pathText(path), line: source.lineOf(path) };
  };
  return { good: query('good'), bad: query('bad'), total: query('total')! };
}
