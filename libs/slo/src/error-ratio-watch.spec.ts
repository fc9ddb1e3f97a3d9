import { describe, expect, it } from '@jest/globals';
import { parseQuery, parseWatches } from '@vigil/promql';
import { loadSlos } from './compile.js';
import { errorRatioWatch, isErrorRatioWatch } from './error-ratio-watch.js';

const document = `
apiVersion: openslo/v1
kind: SLO
metadata: { name: answers, displayName: Answers }
spec:
  service: shop
  timeWindow: [{ duration: 30d, isRolling: true }]
  objectives: [{ target: 0.99 }]
  indicator:
    metadata: { name: i }
    spec:
      ratioMetric:
        counter: true
        good: { metricSource: { type: Prometheus, spec: { query: 'sum(rate(r{code="200"}[5m]))' } } }
        total: { metricSource: { type: Prometheus, spec: { query: 'sum(rate(r[5m]))' } } }`;

describe(errorRatioWatch.name, () => {
  const watch = errorRatioWatch(loadSlos(document, 'a.yaml').definitions[0]!);

  it('asks for the series that the SLO writes, once a bucket', () => {
    expect(watch).toMatchObject({
      name: 'slo-answers',
      service: 'shop',
      stepMs: 15_000,
      severity: 'info',
      queryText: 'slo:sli_error:ratio{slo="answers"}',
    });
    expect(parseQuery(watch.queryText)).toEqual(watch.query);
  });

  it('is told from other watches', () => {
    const other = parseWatches(
      'apiVersion: vigil/v1\nkind: Watch\nmetadata: { name: up }\nspec: { service: shop, query: up }\n',
      'w.yaml',
    );
    expect(isErrorRatioWatch(watch)).toBe(true);
    expect(isErrorRatioWatch(other.watches[0]!)).toBe(false);
  });
});
