import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { compileSlo, loadSlos, SloCompileError } from './compile.js';
import { parseOpenSlo } from './openslo.js';

const dayMs = 86_400_000;

function slo(replace: Readonly<Record<string, string>> = {}): string {
  const text = `apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout-availability
  displayName: Checkout answers
  labels:
    team: [shop, web]
  annotations:
    runbook: https://runbooks.example/checkout
spec:
  service: checkout
  description: Requests are answered without a server error.
  budgetingMethod: Occurrences
  indicator:
    spec:
      ratioMetric:
        counter: true
        bad:
          metricSource:
            type: Prometheus
            spec:
              query: sum(rate(http_requests_total{job="checkout",code=~"5.."}[{{.window}}]))
        total:
          metricSource:
            type: Prometheus
            spec:
              query: sum(rate(http_requests_total{job="checkout"}[{{.window}}]))
  timeWindow:
    - duration: 30d
      isRolling: true
  objectives:
    - target: 0.999
`;
  return Object.entries(replace).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the document has no '${from}'`);
    return changed.replace(from, to);
  }, text);
}

const sli = `---
apiVersion: openslo/v1
kind: SLI
metadata:
  name: checkout-latency
spec:
  ratioMetric:
    counter: true
    good:
      metricSource:
        metricSourceRef: prometheus
        type: Prometheus
        spec:
          query: sum(rate(http_request_duration_seconds_bucket{job="checkout",le="0.3"}[5m]))
    total:
      metricSource:
        metricSourceRef: prometheus
        type: Prometheus
        spec:
          query: sum(rate(http_request_duration_seconds_count{job="checkout"}[5m]))
`;

describe(parseOpenSlo.name, () => {
  it('reads an SLO with its indicator inline', () => {
    const { slos, errors } = parseOpenSlo(slo(), 'slo.yaml');
    expect(errors).toEqual([]);
    expect(slos).toEqual([
      {
        name: 'checkout-availability',
        displayName: 'Checkout answers',
        description: 'Requests are answered without a server error.',
        service: 'checkout',
        target: 0.999,
        windowMs: 30 * dayMs,
        sli: {
          good: undefined,
          bad: {
            text: 'sum(rate(http_requests_total{job="checkout",code=~"5.."}[{{.window}}]))',
            path: 'spec.indicator.spec.ratioMetric.bad.metricSource.spec.query',
            line: 22,
          },
          total: {
            text: 'sum(rate(http_requests_total{job="checkout"}[{{.window}}]))',
            path: 'spec.indicator.spec.ratioMetric.total.metricSource.spec.query',
            line: 27,
          },
        },
        labels: { team: 'shop,web' },
        annotations: { runbook: 'https://runbooks.example/checkout' },
        hash: expect.stringMatching(/^[0-9a-f]{16}$/),
        file: 'slo.yaml',
        line: 1,
      },
    ]);
  });

  it('resolves an indicator that stands elsewhere in the file, before or after', () => {
    const inline = slo().slice(slo().indexOf('  indicator:'), slo().indexOf('  timeWindow:'));
    const referring = slo({ [inline]: '  indicatorRef: checkout-latency\n' });
    for (const text of [`${referring}${sli}`, `${sli}---\n${referring}`]) {
      const { slos, errors } = parseOpenSlo(text, 'slo.yaml');
      expect(errors).toEqual([]);
      expect(slos[0]?.sli.good?.text).toContain('le="0.3"');
    }
    expect(parseOpenSlo(referring, 'slo.yaml').errors).toEqual([
      expect.objectContaining({ path: 'spec.indicatorRef', message: expect.stringContaining("'checkout-latency'") }),
    ]);
  });

  it('hashes content, not layout', () => {
    const hash = (text: string): string | undefined => parseOpenSlo(text, 'slo.yaml').slos[0]?.hash;
    expect(hash(`# A comment.\n${slo({ 'kind: SLO': 'kind:   "SLO"' })}`)).toBe(hash(slo()));
    expect(hash(slo({ '0.999': '0.99' }))).not.toBe(hash(slo()));
    expect(parseOpenSlo(slo(), 'slo.yaml', () => 'mine').slos[0]?.hash).toBe('mine');
  });

  it('makes one SLO of each objective', () => {
    const { slos } = parseOpenSlo(slo({ '    - target: 0.999': '    - target: 0.99\n    - targetPercent: 99.9' }), 'f');
    expect(slos.map(({ name, target }) => [name, target])).toEqual([
      ['checkout-availability', 0.99],
      ['checkout-availability-2', 0.999],
    ]);
  });

  it.each([
    { name: 'hours', duration: '6h', windowMs: dayMs / 4 },
    { name: 'weeks', duration: '4w', windowMs: 28 * dayMs },
    { name: 'a rolling month', duration: '1M', windowMs: 30 * dayMs },
  ])('takes a window of $name', ({ duration, windowMs }) => {
    expect(parseOpenSlo(slo({ '30d': duration }), 'f').slos[0]?.windowMs).toBe(windowMs);
  });

  it.each([
    { name: 'a target of 1', replace: { '0.999': '1' }, line: 32, path: 'spec.objectives[0].target', says: 'below 1' },
    {
      name: 'no target',
      replace: { 'target: 0.999': 'displayName: x' },
      line: 32,
      path: 'spec.objectives[0]',
      says: 'exactly one of target and targetPercent',
    },
    {
      name: 'a calendar window',
      replace: { 'isRolling: true': 'isRolling: false' },
      line: 30,
      path: 'spec.timeWindow[0].isRolling',
      says: 'calendar windows are not supported yet',
    },
    {
      name: 'a window of a year',
      replace: { '30d': '365d' },
      line: 29,
      path: 'spec.timeWindow[0].duration',
      says: '10m to 90d',
    },
    {
      name: 'a window of no length',
      replace: { '30d': 'long' },
      line: 29,
      path: 'spec.timeWindow[0].duration',
      says: "'long' is no duration",
    },
    {
      name: 'another budgeting method',
      replace: { Occurrences: 'Timeslices' },
      line: 13,
      path: 'spec.budgetingMethod',
      says: 'allowed: Occurrences',
    },
    {
      name: 'another source',
      replace: { 'type: Prometheus': 'type: Datadog' },
      line: 20,
      path: 'spec.indicator.spec.ratioMetric.bad.metricSource.type',
      says: 'allowed: Prometheus',
    },
    {
      name: 'gauges',
      replace: { 'counter: true': 'counter: false' },
      line: 17,
      path: 'spec.indicator.spec.ratioMetric.counter',
      says: 'must be true',
    },
    {
      name: 'a threshold metric',
      replace: { 'ratioMetric:': 'thresholdMetric: {}\n      ratioMetric:' },
      line: 16,
      path: 'spec.indicator.spec.thresholdMetric',
      says: 'not supported yet',
    },
    {
      name: 'a bad name',
      replace: { 'checkout-availability': 'Checkout!' },
      line: 4,
      path: 'metadata.name',
      says: 'RFC 1123',
    },
    {
      name: 'no service',
      replace: { 'service: checkout': 'other: x' },
      line: 11,
      path: 'spec.service',
      says: 'string',
    },
    {
      name: 'another version',
      replace: { 'openslo/v1': 'openslo/v9' },
      line: 1,
      path: 'apiVersion',
      says: 'allowed: openslo/v1',
    },
    { name: 'another kind', replace: { 'kind: SLO': 'kind: Thing' }, line: 2, path: 'kind', says: 'allowed: SLO, SLI' },
  ])('refuses $name, with line and path', ({ replace, line, path, says }) => {
    const { slos, errors } = parseOpenSlo(slo(replace as unknown as Record<string, string>), 'slo.yaml');
    expect(slos).toEqual([]);
    expect(errors).toEqual([{ file: 'slo.yaml', line, path, message: expect.stringContaining(says) }]);
  });

  it('tells what is not YAML, and two SLOs of one name', () => {
    expect(parseOpenSlo('a: [1', 'f').errors).toEqual([expect.objectContaining({ file: 'f', line: 1, path: '' })]);
    expect(parseOpenSlo(`${slo()}---\n${slo()}`, 'f').errors[0]?.message).toContain('two SLOs');
    expect(parseOpenSlo('', 'f')).toEqual({ slos: [], errors: [] });
  });

  it('lets the good objects of a file stand beside a bad one', () => {
    const { slos, errors } = parseOpenSlo(`${slo()}---\nkind: SLO\n`, 'slo.yaml');
    expect(slos).toHaveLength(1);
    expect(errors.every(({ line }) => line === 34)).toBe(true);
    expect(errors.map(({ path }) => path)).toContain('apiVersion');
  });
});

describe(compileSlo.name, () => {
  it('turns queries into sums of counters and scales the alert windows', () => {
    const { definitions, errors } = loadSlos(slo(), 'slo.yaml');
    expect(errors).toEqual([]);
    const [definition] = definitions;
    expect(definition?.sli.bad?.terms).toEqual([
      {
        sign: 1,
        matchers: expect.arrayContaining([
          { name: '__name__', op: '=', value: 'http_requests_total' },
          { name: 'code', op: '=~', value: '5..' },
        ]),
      },
    ]);
    expect(definition?.sli.good).toBeUndefined();
    expect(definition?.bucketMs).toBe(15_000);
    expect(definition?.alertWindows.map(({ name }) => name)).toEqual(['1h/5m', '6h/30m', '1d/2h', '3d/6h']);
  });

  it.each([
    { name: 'does not parse', query: 'sum(rate(' },
    { name: 'is no sum of counters', query: 'max(rate(http_requests_total[5m]))' },
    { name: 'has a broken regular expression', query: 'sum(rate(http_requests_total{code=~"("}[5m]))' },
  ])('says which query $name, and where', ({ query }) => {
    const text = slo({ 'sum(rate(http_requests_total{job="checkout"}[{{.window}}]))': `'${query}'` });
    expect(loadSlos(text, 'slo.yaml')).toEqual({
      definitions: [],
      errors: [
        expect.objectContaining({
          line: 27,
          path: 'spec.indicator.spec.ratioMetric.total.metricSource.spec.query',
        }),
      ],
    });
    expect(() => compileSlo(parseOpenSlo(text, 'slo.yaml').slos[0]!)).toThrow(SloCompileError);
  });
});

/** Documents that others wrote, where they are at hand. */
const corpus = `${process.env['VIGIL_SHARED'] ?? '../shared'}/corpus/openslo/documents.jsonl`;
const onCorpus = existsSync(corpus) ? it : it.skip;

interface CorpusRecord {
  readonly id: string;
  readonly verdict: 'valid' | 'invalid';
  readonly apiVersion: string;
  readonly doc: unknown;
}

describe('the OpenSLO corpus', () => {
  onCorpus('is read without a crash; other versions are refused, and every error says a line and a reason', () => {
    const records = readFileSync(corpus, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as CorpusRecord);
    expect(records.length).toBeGreaterThan(1_000);
    for (const { id, doc, apiVersion } of records) {
      const { errors } = loadSlos(JSON.stringify(doc), id);
      for (const { line, message } of errors) {
        expect(line).toBeGreaterThan(0);
        expect(message).not.toBe('');
      }
      if (apiVersion !== 'openslo/v1') expect(errors.length).toBeGreaterThan(0);
    }
  });
});
