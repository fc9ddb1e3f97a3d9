import { describe, expect, it } from '@jest/globals';
import { parseQuery, StreamEvaluator } from '@vigil/promql';
import { SeriesRegistry } from '@vigil/telemetry';
import { loadSlos } from './compile.js';
import { errorRatioWatch } from './error-ratio-watch.js';

const document = (ratio: string): string => `
apiVersion: openslo/v1
kind: SLO
metadata: { name: answers, displayName: Answers }
spec:
  service: shop
  timeWindow: [{ duration: 30d, isRolling: true }]
  objectives: [{ target: 0.99 }]
  indicator: { metadata: { name: i }, spec: { ratioMetric: { counter: true, ${ratio} } } }`;
const source = (query: string): string => `{ metricSource: { type: Prometheus, spec: { query: '${query}' } } }`;

describe(errorRatioWatch.name, () => {
  it.each([
    { what: 'good', ratio: `good: ${source('sum(rate(r{code="200"}[5m]))')}`, expected: [0, 0.5] },
    { what: 'bad', ratio: `bad: ${source('sum(rate(r{code="500"}[5m]))')}`, expected: [0, 0.5] },
    {
      what: 'a difference',
      ratio: `good: ${source('sum(rate(r[5m])) - sum(rate(r{code="500"}[5m]))')}`,
      expected: [0, 0.5],
    },
  ])('is the share of failures, told by $what', ({ ratio, expected }) => {
    const { definitions, errors } = loadSlos(document(`${ratio}, total: ${source('sum(rate(r[5m]))')}`), 'a.yaml');
    expect(errors).toEqual([]);
    const watch = errorRatioWatch(definitions[0]!);
    expect(watch).toMatchObject({ name: 'slo-answers', service: 'shop', stepMs: 15_000, severity: 'info' });
    expect(parseQuery(watch.queryText)).toEqual(watch.query);

    const registry = new SeriesRegistry();
    const evaluator = new StreamEvaluator([watch], registry, { stepMs: watch.stepMs });
    const [ok, failed] = ['200', '500'].map((code) => registry.intern({ __name__: 'r', code })) as [number, number];
    const values: number[] = [];
    const base = 1_800_000_000_000;
    for (let t = 0; t <= 40; t++) {
      // The second half fails every other time; failures are first heard of then.
      const bad = Math.max(0, t - 20);
      const ids = t < 20 ? [ok] : [ok, failed];
      const batch = {
        length: ids.length,
        ids: Uint32Array.from(ids),
        times: new Float64Array(ids.length).fill(base + t * 15_000),
        values: Float64Array.from(ids, (id) => (id === ok ? 10 * t - 5 * bad : 5 * bad)),
      };
      values.push(...evaluator.observe(batch, base + t * 15_000).map(({ value }) => value));
    }
    expect(values[5]).toBeCloseTo(expected[0]!, 12);
    expect(values.at(-1)).toBeCloseTo(expected[1]!, 12);
  });
});
