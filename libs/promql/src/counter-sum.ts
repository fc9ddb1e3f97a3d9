import { matcherToString } from '@vigil/telemetry';
import { type CounterSum, type Query, QueryError } from './query.js';

/**
 * The counters behind a query, where it is a linear combination of sums of them: `sum(rate(a[5m])) - sum(rate(b[5m]))`,
 * `sum(increase(c[1h])) or vector(0)`, or a bare counter. Windows do not matter: an SLI is counted, not sampled.
 * @param text the query, for the error's words.
 * @throws QueryError when it is anything else.
 */
export function toCounterSum(query: Query, text = ''): CounterSum {
  const refuse = (reason: string): never => {
    throw new QueryError(
      `${reason}; an SLI that is counted is a sum or difference of counters, such as sum(rate(x_total{...}[5m]))`,
      0,
      text,
    );
  };
  const collect = (node: Query, sign: 1 | -1): CounterSum['terms'] => {
    switch (node.kind) {
      case 'selector':
      case 'range':
        return [{ sign, matchers: node.matchers }];
      case 'aggregate':
        if (node.op !== 'sum') return refuse(`${node.op} is no sum`);
        if (node.by.length > 0) return refuse(`sum by (${node.by.join(', ')}) has many results`);
        return collect(node.of, sign);
      case 'or-zero':
        return collect(node.of, sign);
      case 'binary':
        if (node.op === '+') return [...collect(node.left, sign), ...collect(node.right, sign)];
        if (node.op === '-') return [...collect(node.left, sign), ...collect(node.right, sign === 1 ? -1 : 1)];
        return refuse(`'${node.op}' is not linear in counters`);
      case 'number':
        return refuse(`the number ${node.value} is no counter`);
      case 'quantile':
        return refuse('a quantile is no counter');
      default: {
        const unreachable: never = node;
        return unreachable;
      }
    }
  };
  return { terms: collect(query, 1) };
}

/** Canonical text of a counter sum: equal texts count the same things. */
export function counterSumText({ terms }: CounterSum): string {
  return terms
    .map(({ sign, matchers }) => `${sign === 1 ? '+' : '-'}{${matchers.map(matcherToString).sort().join(',')}}`)
    .sort()
    .join('');
}
