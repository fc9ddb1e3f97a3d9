import { describe, expect, it } from '@jest/globals';
import { type SampleBatch, SeriesRegistry } from '@vigil/telemetry';
import {
  bucketQuantile,
  counterSumText,
  parseQuery,
  QueryError,
  queryToString,
  StreamEvaluator,
  toCounterSum,
} from './index.js';

const matcher = (name: string, op: string, value: string) => ({ name, op, value });
const named = (name: string) => matcher('__name__', '=', name);

describe('parseQuery', () => {
  it('reads a ratio of sums', () => {
    expect(parseQuery('sum by (job, code) (rate(x_total{code=~"5.."}[5m])) / sum(y)')).toEqual({
      kind: 'binary',
      op: '/',
      left: {
        kind: 'aggregate',
        op: 'sum',
        by: ['code', 'job'],
        of: {
          kind: 'range',
          fn: 'rate',
          matchers: [named('x_total'), matcher('code', '=~', '5..')],
          windowMs: 300_000,
        },
      },
      right: { kind: 'aggregate', op: 'sum', by: [], of: { kind: 'selector', matchers: [named('y')] } },
    });
  });

  it.each(['{{.window}}', '{{ .window }}', '$__rate_interval', '${window}'])(
    'leaves the window of [%s] open',
    (window) => {
      expect(parseQuery(`rate(x[${window}])`)).toMatchObject({ kind: 'range', windowMs: undefined });
    },
  );

  it.each([
    { query: 'sum(', at: 4 },
    { query: 'rate(x[5m]) > 3', at: 12 },
    { query: 'deriv(x[5m])', at: 0 },
    { query: 'a / on(job) b', at: 4 },
    { query: 'topk(3, x)', at: 0 },
    { query: 'x offset 5m', at: 0 },
    { query: 'rate(x)', at: 0 },
    { query: 'x{a=~"("}', at: 0 },
    { query: '', at: 0 },
  ])('refuses `$query`, saying where', ({ query, at }) => {
    try {
      parseQuery(query);
      throw new Error('it was taken');
    } catch (error) {
      expect(error).toBeInstanceOf(QueryError);
      expect((error as QueryError).position).toBe(at);
    }
  });
});

describe('toCounterSum', () => {
  it.each([
    { query: 'sum(rate(a[5m])) - sum(rate(b{c="d"}[5m]))', text: '+{__name__="a"}-{__name__="b",c="d"}' },
    { query: 'sum(increase(a[1h])) or vector(0)', text: '+{__name__="a"}' },
    { query: 'a_total', text: '+{__name__="a_total"}' },
    { query: 'sum(a - (b - c))', text: '+{__name__="a"}+{__name__="c"}-{__name__="b"}' },
  ])('counts $query', ({ query, text }) => expect(counterSumText(toCounterSum(parseQuery(query)))).toBe(text));

  it.each(['a / b', 'sum by (job) (a)', 'avg(a)', '1', 'histogram_quantile(0.9, a)'])('does not count %s', (query) => {
    expect(() => toCounterSum(parseQuery(query), query)).toThrow(QueryError);
  });
});

describe('histogram_quantile', () => {
  // Prometheus' documentation and promql/promqltest/testdata/histograms.test (testhistogram: le 0.1:50, .2:100, 1:100, +Inf:110...).
  it.each([
    {
      q: 0.5,
      buckets: [
        [0.1, 10],
        [0.2, 20],
        [Infinity, 20],
      ],
      value: 0.1,
    },
    {
      q: 0.75,
      buckets: [
        [0.1, 10],
        [0.2, 20],
        [Infinity, 20],
      ],
      value: 0.15,
    },
    {
      q: 0.99,
      buckets: [
        [0.1, 10],
        [0.2, 10],
        [Infinity, 20],
      ],
      value: 0.2,
    },
    {
      q: 0.5,
      buckets: [
        [1, 4],
        [Infinity, 4],
      ],
      value: 0.5,
    },
  ])('$q of $buckets is $value', ({ q, buckets, value }) => {
    expect(
      bucketQuantile(
        q,
        buckets.map(([le, count]) => ({ le: le!, count: count! })),
      ),
    ).toBeCloseTo(value, 12);
  });
});

const stepMs = 1_000;
const base = 1_764_000_000_000;

class Stream {
  readonly registry = new SeriesRegistry();
  readonly evaluator: StreamEvaluator;
  constructor(private readonly queries: readonly string[]) {
    this.evaluator = this.build();
  }
  build(): StreamEvaluator {
    return new StreamEvaluator(
      this.queries.map((query) => ({ name: query, query: parseQuery(query) })),
      this.registry,
      { stepMs },
    );
  }
  batch(entries: readonly [Record<string, string>, number, number][]): SampleBatch {
    return {
      length: entries.length,
      ids: Uint32Array.from(entries, ([labels]) => this.registry.intern(labels)),
      times: Float64Array.from(entries, ([, second]) => base + second * 1_000),
      values: Float64Array.from(entries, ([, , value]) => value),
    };
  }
}

/** Two replicas count 10 and 30 requests a second, one in ten of them failed; a gauge tells the second. */
function second(s: number): [Record<string, string>, number, number][] {
  return ['a', 'b'].flatMap((instance, i): [Record<string, string>, number, number][] => {
    const perSecond = i === 0 ? 10 : 30;
    const labels = { __name__: 'requests_total', job: 'shop', instance };
    return [
      [{ ...labels, code: '200' }, s, s * perSecond * 0.9],
      [{ ...labels, code: '500' }, s, s * perSecond * 0.1],
      [{ __name__: 'depth', job: 'shop', instance }, s, s + i],
    ];
  });
}

it('a histogram without events has no quantile', () => {
  expect(
    bucketQuantile(0.5, [
      { le: 1, count: 0 },
      { le: Infinity, count: 0 },
    ]),
  ).toBeNaN();
});

describe('StreamEvaluator', () => {
  const queries = [
    'sum by (job) (rate(requests_total[2s]))',
    'sum(rate(requests_total{code="500"}[1s])) / sum(rate(requests_total[1s]))',
    'max by (job) (depth)',
  ];

  it('says each step once, with the values its definition gives', () => {
    const stream = new Stream(queries);
    const points = Array.from({ length: 12 }, (_, s) =>
      stream.evaluator.observe(stream.batch(second(s)), base + s * 1_000),
    ).flat();
    const of = (query: number) => points.filter((point) => point.query === query && point.timeMs > base + 3_000);
    expect(of(0).length).toBeGreaterThanOrEqual(6);
    for (const { labels, value } of of(0)) {
      expect(labels).toEqual({ job: 'shop' });
      expect(value).toBeCloseTo(40, 9);
    }
    for (const { value } of of(1)) expect(value).toBeCloseTo(0.1, 9);
    for (const { timeMs, value } of of(2)) expect(value).toBe((timeMs - base) / 1_000 + 1);
    const edges = of(0).map(({ timeMs }) => timeMs);
    expect(new Set(edges).size).toBe(edges.length);
  });

  it('does not mind the order of samples within the settle time', () => {
    const inOrder = new Stream(queries);
    const shuffled = new Stream(queries);
    const straight: unknown[] = [];
    const mixed: unknown[] = [];
    for (let s = 0; s < 12; s++) {
      straight.push(...inOrder.evaluator.observe(inOrder.batch(second(s)), base + s * 1_000));
      mixed.push(...shuffled.evaluator.observe(shuffled.batch([...second(s)].reverse()), base + s * 1_000));
    }
    expect(mixed).toEqual(straight);
  });

  it('takes silence for no value, not for zero', () => {
    const stream = new Stream(queries);
    for (let s = 0; s < 6; s++) stream.evaluator.observe(stream.batch(second(s)), base + s * 1_000);
    const later = stream.evaluator.observe(
      stream.batch([
        [{ __name__: 'other' }, 30, 1],
        [{ __name__: 'depth' }, 30, 1],
      ]),
      base + 30_000,
    );
    const rates = later.filter(({ query, timeMs }) => query === 0 && timeMs > base + 8_000);
    expect(rates).toEqual([]);
  });

  it('goes on from a snapshot', () => {
    const straight = new Stream(queries);
    const resumed = new Stream(queries);
    let { evaluator } = resumed;
    for (let s = 0; s < 15; s++) {
      const expected = straight.evaluator.observe(straight.batch(second(s)), base + s * 1_000);
      if (s === 7) {
        const bytes = evaluator.snapshot();
        evaluator = resumed.build();
        evaluator.restore(bytes);
      }
      expect(evaluator.observe(resumed.batch(second(s)), base + s * 1_000)).toEqual(expected);
    }
  });
});

describe('a body of many steps', () => {
  it('says what its steps would have said one by one', () => {
    const texts = ['max(g)', 'sum(rate(c[2s]))', 'sum(c)'];
    const run = (perBody: number): string[] => {
      const registry = new SeriesRegistry();
      const queries = texts.map((name) => ({ name, query: parseQuery(name) }));
      const evaluator = new StreamEvaluator(queries, registry, { stepMs: 1_000 });
      const ids = ['g', 'c'].map((name) => registry.intern({ __name__: name }));
      const base = 1_800_000_000_000;
      const said: string[] = [];
      for (let from = 0; from < 40; from += perBody) {
        const samples = ids.flatMap((id, n) =>
          Array.from({ length: perBody }, (_, i) => ({ id, t: base + (from + i) * 1_000, v: (from + i) ** (n + 1) })),
        );
        const batch: SampleBatch = {
          length: samples.length,
          ids: Uint32Array.from(samples, ({ id }) => id),
          times: Float64Array.from(samples, ({ t }) => t),
          values: Float64Array.from(samples, ({ v }) => v),
        };
        for (const { query, timeMs, value } of evaluator.observe(batch, base + 100_000))
          said.push(`${texts[query]} ${(timeMs - base) / 1_000} ${value}`);
      }
      return said;
    };
    expect(run(20)).toEqual(run(1));
    expect(run(20)).toContain('max(g) 20 20');
    // 20 * 20 - 18 * 18, over two seconds.
    expect(run(20)).toContain('sum(rate(c[2s])) 20 38');
  });
});

describe(queryToString.name, () => {
  it.each([
    'up',
    '{job=~"a|b"}',
    'sum by (code, job) (rate(x_total{code=~"5.."}[5m])) / sum(y)',
    '1 - (sum(increase(a[1m])) or vector(0)) / (sum(increase(b[1m])) + sum(increase(c{d!="e"}[1m])))',
    'histogram_quantile(0.95, sum by (le) (rate(l_bucket[30s])))',
  ])('says what it was parsed from: %s', (text) => {
    expect(parseQuery(queryToString(parseQuery(text)))).toEqual(parseQuery(text));
  });
});
