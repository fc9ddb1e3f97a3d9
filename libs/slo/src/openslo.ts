import { fingerprint } from '@vigil/telemetry';
import { isMap, isNode, isSeq, LineCounter, type Node, type Document, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import {
  headSchema,
  metadataSchema,
  parseDuration,
  sliSpecSchema,
  type SliSpec,
  sloSpecSchema,
} from './openslo-schema.js';
import { canonicalJson, type DocumentError, type SloDocument, type SourcedQuery } from './slo-document.js';

export interface OpenSloFile {
  readonly slos: readonly SloDocument[];
  readonly errors: readonly DocumentError[];
}

type Path = readonly (string | number)[];

/** One OpenSLO object of a file, with the means to say where its fields stand. */
interface Source {
  readonly value: unknown;
  readonly lineOf: (path: Path) => number;
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
  const slis = new Map<string, { spec: SliSpec; source: Source }>();
  const found: { slo: Slo; source: Source }[] = [];
  const report = (source: Source, issues: readonly z.core.$ZodIssue[]): void => {
    for (const { path, message } of issues) {
      const at = path.filter((key) => typeof key !== 'symbol');
      errors.push({ file, line: source.lineOf(at), path: pathText(at), message: issueText(at, message) });
    }
  };

  for (const source of sources(text, file, errors)) {
    const head = headSchema.safeParse(source.value);
    if (!head.success) {
      report(source, head.error.issues);
      continue;
    }
    if (head.data.kind === 'SLI') {
      const sli = sliSchema.safeParse(source.value);
      if (sli.success) slis.set(sli.data.metadata.name, { spec: sli.data.spec, source });
      else report(source, sli.error.issues);
    } else if (head.data.kind === 'SLO') {
      const slo = sloSchema.safeParse(source.value);
      if (slo.success) found.push({ slo: slo.data, source });
      else report(source, slo.error.issues);
    }
  }

  const slos: SloDocument[] = [];
  const seen = new Set<string>();
  for (const { slo, source } of found) {
    const refuse = (path: Path, message: string): void => {
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
  found: { readonly spec: SliSpec; readonly source: Source } | undefined,
  base: Path,
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

/** Every object of the file; what is not YAML becomes an error. */
function* sources(text: string, file: string, errors: DocumentError[]): Generator<Source> {
  const lineCounter = new LineCounter();
  const documents: readonly Document.Parsed[] = [...parseAllDocuments(text, { lineCounter })];
  for (const document of documents) {
    for (const { message, pos } of document.errors) {
      const [first = message] = message.split('\n');
      errors.push({ file, line: lineCounter.linePos(pos[0]).line, path: '', message: first });
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const nodes = isSeq(document.contents) ? document.contents.items.filter(isNode) : [document.contents];
    for (const node of nodes) {
      yield {
        value: node.toJS(document),
        lineOf: (path) => lineCounter.linePos(deepest(node, path).range?.[0] ?? 0).line,
      };
    }
  }
}

/** The node of the path, or of as much of it as there is. */
function deepest(root: Node, path: Path): Node {
  let node = root;
  for (const key of path) {
    const next: unknown = isMap(node) || isSeq(node) ? node.get(key, true) : undefined;
    if (!isNode(next)) break;
    node = next;
  }
  return node;
}

/** `spec.objectives[0].target`. */
function pathText(path: Path): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    '',
  );
}

/** Our messages continue the field's name; the schema library's own stand alone. */
function issueText(path: Path, message: string): string {
  const field = path.at(-1);
  return /^(is|must) /.test(message) && field !== undefined ? `${field} ${message}` : message;
}
