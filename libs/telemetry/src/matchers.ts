import type { Labels } from './model.js';

export const matchOperators = ['=', '!=', '=~', '!~'] as const;
export type MatchOperator = (typeof matchOperators)[number];

export interface LabelMatcher {
  readonly name: string;
  readonly op: MatchOperator;
  readonly value: string;
}

/** A matcher whose regular expression does not compile. */
export class MatcherError extends Error {
  readonly code = 'bad-matcher';
  constructor(matcher: LabelMatcher, reason: string) {
    super(`matcher ${matcherToString(matcher)}: ${reason}`);
    this.name = MatcherError.name;
  }
}

export function matcherToString({ name, op, value }: LabelMatcher): string {
  return `${name}${op}${JSON.stringify(value)}`;
}

function compileOne(matcher: LabelMatcher): (labels: Labels) => boolean {
  const { name, op, value } = matcher;
  switch (op) {
    case '=':
      return (labels) => (labels[name] ?? '') === value;
    case '!=':
      return (labels) => (labels[name] ?? '') !== value;
    case '=~':
    case '!~': {
      let pattern: RegExp;
      try {
        pattern = new RegExp(`^(?:${value})$`, 'su');
      } catch (error) {
        throw new MatcherError(matcher, (error as Error).message);
      }
      return op === '=~' ? (labels) => pattern.test(labels[name] ?? '') : (labels) => !pattern.test(labels[name] ?? '');
    }
    default: {
      const unreachable: never = op;
      return unreachable;
    }
  }
}

/**
 * One predicate for all matchers. As in Prometheus an absent label counts as empty, and a regular expression must match
 * the whole value.
 * @throws MatcherError when a regular expression does not compile.
 */
export function compileMatchers(matchers: readonly LabelMatcher[]): (labels: Labels) => boolean {
  const tests = matchers.map(compileOne);
  return (labels) => tests.every((test) => test(labels));
}
