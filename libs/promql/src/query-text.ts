import { type LabelMatcher, matcherToString, nameLabel } from '@vigil/telemetry';
import type { Query } from './query.js';

/** A query in PromQL; parsing the text gives the query again. */
export function queryToString(query: Query): string {
  switch (query.kind) {
    case 'number':
      return String(query.value);
    case 'selector':
      return selectorText(query.matchers);
    case 'range':
      return `${query.fn}(${selectorText(query.matchers)}[${windowText(query.windowMs)}])`;
    case 'aggregate': {
      const by = query.by.length === 0 ? '' : ` by (${query.by.join(', ')}) `;
      return `${query.op}${by}(${queryToString(query.of)})`;
    }
    case 'quantile':
      return `histogram_quantile(${query.q}, ${queryToString(query.of)})`;
    case 'or-zero':
      return `(${queryToString(query.of)} or vector(0))`;
    case 'binary':
      return `${operandText(query.left)} ${query.op} ${operandText(query.right)}`;
    default: {
      const unreachable: never = query;
      return unreachable;
    }
  }
}

const operandText = (query: Query): string =>
  query.kind === 'binary' ? `(${queryToString(query)})` : queryToString(query);

function selectorText(matchers: readonly LabelMatcher[]): string {
  const name = matchers.find((matcher) => matcher.name === nameLabel && matcher.op === '=');
  const rest = matchers.filter((matcher) => matcher !== name).map(matcherToString);
  return `${name?.value ?? ''}${rest.length > 0 || name === undefined ? `{${rest.join(',')}}` : ''}`;
}

function windowText(windowMs: number | undefined): string {
  if (windowMs === undefined) return '$__rate_interval';
  return windowMs % 1_000 === 0 ? `${windowMs / 1_000}s` : `${windowMs}ms`;
}
