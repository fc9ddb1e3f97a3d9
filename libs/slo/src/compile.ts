import type { DocumentError } from '@vigil/catalog';
import { type CounterSum, counterSumText, parseQuery, QueryError, toCounterSum } from '@vigil/promql';
import { compileMatchers, MatcherError } from '@vigil/telemetry';
import { type BurnWindow, bucketMsFor, burnWindowsFor } from './burn-windows.js';
import { parseOpenSlo } from './openslo.js';
import type { SloDocument, SourcedQuery } from './slo-document.js';

/** An SLO that runs: what to count, over which window, and when to alert. */
export interface SloDefinition {
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly service: string;
  /** Share of events to be good, in [0, 1). */
  readonly target: number;
  readonly windowMs: number;
  /** `total` beside exactly one of `good` and `bad`. */
  readonly sli: {
    readonly good?: CounterSum | undefined;
    readonly bad?: CounterSum | undefined;
    readonly total: CounterSum;
  };
  /** Multiwindow burn-rate pairs, scaled to the window. */
  readonly alertWindows: readonly BurnWindow[];
  /** Width of the finest buckets that events are counted in. */
  readonly bucketMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly documentHash: string;
  /** Canonical text of what is counted: while it stays, counts survive a change of the document. */
  readonly sliText: string;
}

/** A document whose queries cannot run. */
export class SloCompileError extends Error {
  readonly code = 'slo-cannot-run';
  constructor(
    readonly document: string,
    readonly at: DocumentError,
  ) {
    super(`SLO '${document}': ${at.file}:${at.line}: ${at.path}: ${at.message}`);
    this.name = SloCompileError.name;
  }
}

/** @throws SloCompileError where a query does not parse, or is no sum of counters. */
export function compileSlo(document: SloDocument): SloDefinition {
  const counted = (query: SourcedQuery): CounterSum => {
    try {
      const sum = toCounterSum(parseQuery(query.text), query.text);
      for (const { matchers } of sum.terms) compileMatchers(matchers);
      return sum;
    } catch (error) {
      if (!(error instanceof QueryError || error instanceof MatcherError)) throw error;
      const { path, line } = query;
      throw new SloCompileError(document.name, { file: document.file, line, path, message: error.message });
    }
  };
  const { name, displayName, description, service, target, windowMs, labels, annotations, hash } = document;
  const { good, bad, total } = document.sli;
  const sli = {
    ...(good === undefined ? {} : { good: counted(good) }),
    ...(bad === undefined ? {} : { bad: counted(bad) }),
    total: counted(total),
  };
  return {
    name,
    displayName,
    description,
    service,
    target,
    windowMs,
    sli,
    alertWindows: burnWindowsFor(windowMs),
    bucketMs: bucketMsFor(windowMs),
    labels,
    annotations,
    documentHash: hash,
    sliText: Object.entries(sli)
      .map(([role, sum]) => `${role}=${counterSumText(sum)}`)
      .join(';'),
  };
}

/** Reads and compiles a file of OpenSLO objects; what is wrong with one of them is told and leaves the others alone. */
export function loadSlos(
  text: string,
  file: string,
): { readonly definitions: readonly SloDefinition[]; readonly errors: readonly DocumentError[] } {
  const { slos, errors } = parseOpenSlo(text, file);
  const definitions: SloDefinition[] = [];
  const failed: DocumentError[] = [];
  for (const document of slos) {
    try {
      definitions.push(compileSlo(document));
    } catch (error) {
      if (!(error instanceof SloCompileError)) throw error;
      failed.push(error.at);
    }
  }
  return { definitions, errors: [...errors, ...failed] };
}

/** SLOs of many files: a name is given once among all of them, the first holds. */
export function loadSloFiles(files: Iterable<{ readonly text: string; readonly file: string }>): {
  readonly definitions: readonly SloDefinition[];
  readonly errors: readonly DocumentError[];
} {
  const definitions = new Map<string, SloDefinition>();
  const errors: DocumentError[] = [];
  for (const { text, file } of files) {
    const found = loadSlos(text, file);
    errors.push(...found.errors);
    for (const definition of found.definitions) {
      const message = `'${definition.name}' is the name of an SLO in another file`;
      if (definitions.has(definition.name)) errors.push({ file, line: 1, path: 'metadata.name', message });
      else definitions.set(definition.name, definition);
    }
  }
  return { definitions: [...definitions.values()], errors };
}
