import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { durationMs } from '@vigil/catalog';
import { compileMatchers, type LabelMatcher, MatcherError, nameLabel } from '@vigil/telemetry';
import { aggregateOps, type AggregateOp, type BinaryOp, type Query, QueryError } from './query.js';

const supported =
  'supported: selectors, rate, increase, sum/avg/min/max/count with by, + - * /, histogram_quantile, or vector(0)';
const binaryOps: Readonly<Record<string, BinaryOp>> = { Add: '+', Sub: '-', Mul: '*', Div: '/' };
const matchOps: Readonly<Record<string, LabelMatcher['op']>> = {
  EqlSingle: '=',
  Neq: '!=',
  EqlRegex: '=~',
  NeqRegex: '!~',
};

/** Names that stand for the window an evaluation asks for: Sloth's, OpenSLO users' and Grafana's. */
const placeholder = /\{\{\s*\.window\s*\}\}|\$\{?__(?:rate_interval|interval|range)\}?|\$\{?window\}?/g;
const stand = '1s';

/**
 * Parses a query with Prometheus' own grammar and keeps what can run as a stream.
 * @throws QueryError with the position of what does not parse or is not supported.
 */
export function parseQuery(text: string): Query {
  const placeholders = new Set<number>();
  const plain = text.replace(placeholder, (found, at: number) => {
    placeholders.add(at);
    return stand.padEnd(found.length);
  });
  const reader = new Reader(text, plain, placeholders);
  const tree = parser.parse(plain);
  tree.iterate({
    enter: (node) => {
      if (node.type.isError) throw new QueryError('syntax error', node.from, text);
    },
  });
  const root = tree.topNode.firstChild;
  if (root === null) throw new QueryError('an empty query', 0, text);
  return reader.read(root);
}

class Reader {
  constructor(
    private readonly text: string,
    private readonly plain: string,
    private readonly placeholders: ReadonlySet<number>,
  ) {}

  read(node: SyntaxNode): Query {
    switch (node.name) {
      case 'ParenExpr':
        return this.read(this.#child(node));
      case 'NumberDurationLiteral':
        return { kind: 'number', value: this.#number(node) };
      case 'VectorSelector':
        return { kind: 'selector', matchers: this.#matchers(node) };
      case 'FunctionCall':
        return this.#call(node);
      case 'AggregateExpr':
        return this.#aggregate(node);
      case 'BinaryExpr':
        return this.#binary(node);
      default:
        return this.#refuse(node, `${node.name} does not run as a stream`);
    }
  }

  #refuse(node: SyntaxNode, reason: string): never {
    throw new QueryError(`${reason} (${supported})`, node.from, this.text);
  }

  #slice(node: SyntaxNode): string {
    return this.plain.slice(node.from, node.to);
  }

  #child(node: SyntaxNode): SyntaxNode {
    return node.firstChild ?? this.#refuse(node, 'an empty expression');
  }

  #children(node: SyntaxNode): SyntaxNode[] {
    const children: SyntaxNode[] = [];
    for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
    return children;
  }

  #number(node: SyntaxNode): number {
    const text = this.#slice(node).toLowerCase();
    const value = text === 'inf' ? Infinity : Number(text);
    return Number.isNaN(value) ? this.#refuse(node, `'${text}' is no plain number`) : value;
  }

  #call(node: SyntaxNode): Query {
    const name = this.#slice(this.#child(node));
    const body = node.getChild('FunctionCallBody');
    const args = body === null ? [] : this.#children(body);
    const [first, second] = args;
    switch (name) {
      case 'rate':
      case 'increase': {
        if (first?.name !== 'MatrixSelector') return this.#refuse(node, `${name} needs a selector with a window`);
        const selector = first.getChild('VectorSelector') ?? this.#refuse(first, 'a window without a selector');
        return { kind: 'range', fn: name, matchers: this.#matchers(selector), windowMs: this.#window(first) };
      }
      case 'histogram_quantile': {
        if (first === undefined || second === undefined)
          return this.#refuse(node, 'histogram_quantile needs a quantile and buckets');
        const q = this.read(first);
        if (q.kind !== 'number' || !(q.value >= 0 && q.value <= 1))
          return this.#refuse(first, 'the quantile must be a number from 0 to 1');
        return { kind: 'quantile', q: q.value, of: this.read(second) };
      }
      case 'vector': {
        if (first === undefined) return this.#refuse(node, 'vector needs a number');
        return this.read(first);
      }
      default:
        return this.#refuse(node, `function ${name} does not run as a stream`);
    }
  }

  #aggregate(node: SyntaxNode): Query {
    const op = this.#slice(this.#child(node)).toLowerCase() as AggregateOp;
    if (!aggregateOps.includes(op)) return this.#refuse(node, `aggregation ${op} does not run as a stream`);
    const modifier = node.getChild('AggregateModifier');
    const without = modifier?.getChild('Without') ?? null;
    if (modifier !== null && without !== null)
      return this.#refuse(modifier, 'without does not run as a stream; name the labels to keep by by');
    const by = (modifier?.getChild('GroupingLabels')?.getChildren('LabelName') ?? []).map((label) =>
      this.#slice(label),
    );
    const body = node.getChild('FunctionCallBody') ?? this.#refuse(node, `${op} of nothing`);
    return { kind: 'aggregate', op, by: [...by].sort(), of: this.read(this.#child(body)) };
  }

  #binary(node: SyntaxNode): Query {
    const [left, op, ...rest] = this.#children(node);
    const right = rest.at(-1);
    if (left === undefined || op === undefined || right === undefined) return this.#refuse(node, 'half an operation');
    if (rest.length > 1) return this.#refuse(rest[0]!, 'bool, on, ignoring and group modifiers do not run as a stream');
    if (op.name === 'Or') {
      const zero = this.read(right);
      if (zero.kind !== 'number' || zero.value !== 0)
        return this.#refuse(right, 'only `or vector(0)` runs as a stream');
      return { kind: 'or-zero', of: this.read(left) };
    }
    const known = binaryOps[op.name];
    if (known === undefined) return this.#refuse(op, `operator ${this.#slice(op)} does not run as a stream`);
    return { kind: 'binary', op: known, left: this.read(left), right: this.read(right) };
  }

  #window(matrix: SyntaxNode): number | undefined {
    const node = matrix.lastChild!;
    if (this.placeholders.has(node.from)) return undefined;
    const ms = durationMs(this.#slice(node));
    return ms === undefined || ms <= 0 ? this.#refuse(node, `'${this.#slice(node)}' is no window`) : ms;
  }

  #matchers(node: SyntaxNode): LabelMatcher[] {
    const matchers: LabelMatcher[] = [];
    const name = node.getChild('Identifier');
    if (name !== null) matchers.push({ name: nameLabel, op: '=', value: this.#slice(name) });
    for (const entry of this.#children(node.getChild('LabelMatchers') ?? node)) {
      if (entry.name === 'UnquotedLabelMatcher' || entry.name === 'QuotedLabelMatcher') {
        const [label, op, value] = this.#children(entry);
        const known = op?.firstChild === null || op === undefined ? undefined : matchOps[op.firstChild.name];
        if (label === undefined || value === undefined || known === undefined)
          return this.#refuse(entry, 'half a matcher');
        const labelText = this.#slice(label);
        matchers.push({
          name: label.name === 'LabelName' ? labelText : unquote(labelText),
          op: known,
          value: unquote(this.#slice(value)),
        });
      } else if (entry.name === 'QuotedLabelName') {
        matchers.push({ name: nameLabel, op: '=', value: unquote(this.#slice(entry)) });
      }
    }
    if (matchers.length === 0) return this.#refuse(node, 'a selector without matchers');
    try {
      compileMatchers(matchers);
    } catch (error) {
      if (error instanceof MatcherError) throw new QueryError(error.message, node.from, this.text);
      throw error;
    }
    return matchers;
  }
}

function unquote(text: string): string {
  if (text.startsWith('`')) return text.slice(1, -1);
  const inner = text.slice(1, -1);
  return inner.replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/g, (_, escape: string) => {
    if (escape.length > 1) return String.fromCharCode(parseInt(escape.slice(1), 16));
    return { n: '\n', t: '\t', r: '\r' }[escape] ?? escape;
  });
}
