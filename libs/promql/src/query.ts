import type { LabelMatcher } from '@vigil/telemetry';

/** The part of PromQL that runs as a stream. Windows are in ms; undefined stands for a placeholder such as {{.window}}. */
export type Query =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'selector'; readonly matchers: readonly LabelMatcher[] }
  | {
      readonly kind: 'range';
      readonly fn: 'rate' | 'increase';
      readonly matchers: readonly LabelMatcher[];
      readonly windowMs: number | undefined;
    }
  | { readonly kind: 'aggregate'; readonly op: AggregateOp; readonly by: readonly string[]; readonly of: Query }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly left: Query; readonly right: Query }
  | { readonly kind: 'quantile'; readonly q: number; readonly of: Query }
  /** `x or vector(0)`: 0 where x has no series. */
  | { readonly kind: 'or-zero'; readonly of: Query };

export const aggregateOps = ['sum', 'avg', 'min', 'max', 'count'] as const;
export type AggregateOp = (typeof aggregateOps)[number];
export type BinaryOp = '+' | '-' | '*' | '/';

/** A query that does not parse, or is outside of what runs as a stream. */
export class QueryError extends Error {
  readonly code = 'bad-query';
  /** @param position offset in the query's text, from 0. */
  constructor(
    readonly reason: string,
    readonly position: number,
    query: string,
  ) {
    super(`${reason} at character ${position + 1} of \`${query}\``);
    this.name = QueryError.name;
  }
}

/**
 * A linear combination of sums of counters: what a ratio SLI counts. Increments of all series that match a term's
 * matchers are added with its sign.
 */
export interface CounterSum {
  readonly terms: readonly { readonly sign: 1 | -1; readonly matchers: readonly LabelMatcher[] }[];
}
