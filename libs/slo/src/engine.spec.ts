import { describe, expect, it } from '@jest/globals';
import { type SampleBatch, SeriesRegistry } from '@vigil/telemetry';
import fc from 'fast-check';
import { BurnAlerts } from './burn-alerts.js';
import { loadSlos, type SloDefinition } from './compile.js';
import { SloEngine, evaluateShards } from './engine.js';

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const startMs = 1_700_000_100_000;
const latenessMs = 5 * minuteMs;

interface SloText {
  readonly name?: string;
  readonly window?: string;
  readonly target?: number;
  readonly role?: 'good' | 'bad';
  readonly part?: string;
  readonly total?: string;
}

function define({
  name = 'checkout',
  window = '30d',
  target = 0.99,
  role = 'bad',
  part = 'sum(rate(requests_total{code=~"5.."}[5m]))',
  total = 'sum(rate(requests_total[5m]))',
}: SloText = {}): SloDefinition {
  const metric = (query: string): unknown => ({ metricSource: { type: 'Prometheus', spec: { query } } });
  const document = {
    apiVersion: 'openslo/v1',
    kind: 'SLO',
    metadata: { name },
    spec: {
      service: 'shop',
      indicator: { spec: { ratioMetric: { counter: true, [role]: metric(part), total: metric(total) } } },
      timeWindow: [{ duration: window, isRolling: true }],
      objectives: [{ target }],
    },
  };
  const { definitions, errors } = loadSlos(JSON.stringify(document), 'slo.json');
  expect(errors).toEqual([]);
  return definitions[0]!;
}

interface Sample {
  readonly series: number;
  readonly timeMs: number;
  readonly value: number;
}

const labelSets = [
  { __name__: 'requests_total', code: '200', pod: 'a' },
  { __name__: 'requests_total', code: '200', pod: 'b' },
  { __name__: 'requests_total', code: '500', pod: 'a' },
  { __name__: 'other_total', code: '500', pod: 'a' },
];

function batchOf(registry: SeriesRegistry, samples: readonly Sample[]): SampleBatch {
  return {
    length: samples.length,
    ids: Uint32Array.from(samples, ({ series }) => registry.intern(labelSets[series]!, 'counter')),
    times: Float64Array.from(samples, ({ timeMs }) => timeMs),
    values: Float64Array.from(samples, ({ value }) => value),
  };
}

/** By the definition: sort each series' set of samples by time, and subtract neighbours. */
function recount(samples: readonly Sample[], fromMs: number, toMs: number): { good: number; total: number } {
  let bad = 0;
  let total = 0;
  for (const series of [0, 1, 2]) {
    const firsts = new Map<number, number>();
    for (const { timeMs, value } of samples.filter((sample) => sample.series === series)) {
      if (!firsts.has(timeMs)) firsts.set(timeMs, value);
    }
    const sorted = [...firsts].sort(([a], [b]) => a - b);
    sorted.forEach(([timeMs, value], i) => {
      const previous = sorted[i - 1]?.[1];
      if (previous === undefined || timeMs <= fromMs || timeMs > toMs) return;
      const increment = value < previous ? value : value - previous;
      total += increment;
      if (series === 2) bad += increment;
    });
  }
  return { good: total - bad, total };
}

const samplesArbitrary = fc.array(
  fc.record({
    series: fc.nat(3),
    // Within the allowed lateness of each other, in any order, with repetitions.
    timeMs: fc.integer({ min: 0, max: latenessMs / secondMs }).map((second) => startMs + second * secondMs),
    value: fc.nat(60),
  }),
  { minLength: 1, maxLength: 80 },
);
const endMs = startMs + latenessMs + 15 * secondMs;

function feed(engine: SloEngine, registry: SeriesRegistry, samples: readonly Sample[], size = 7): void {
  for (let i = 0; i < samples.length; i += size) {
    engine.observe(batchOf(registry, samples.slice(i, i + size)), registry);
  }
}

function bytes(pages: ReadonlyMap<string, Uint8Array>): [string, string][] {
  return [...pages].map(([key, page]): [string, string] => [key, Buffer.from(page).toString('hex')]).sort();
}

/** A counter of each code that rises evenly every 15 s. */
function traffic(fromMs: number, toMs: number, goodPerStep: number, badPerStep: number): Sample[] {
  const samples: Sample[] = [];
  for (let timeMs = fromMs; timeMs <= toMs; timeMs += 15 * secondMs) {
    const step = (timeMs - startMs) / (15 * secondMs);
    samples.push({ series: 0, timeMs, value: step * goodPerStep }, { series: 2, timeMs, value: step * badPerStep });
  }
  return samples;
}

describe(SloEngine.name, () => {
  it('counts samples in any order, repeated or late within the bound, like a recount of the sorted set', () => {
    fc.assert(
      fc.property(samplesArbitrary, fc.nat(20), fc.nat(20), (samples, a, b) => {
        const registry = new SeriesRegistry();
        const engine = new SloEngine([define()], { latenessMs });
        feed(engine, registry, samples);
        const edge = (buckets: number): number => Math.ceil(endMs / 15_000) * 15_000 - buckets * 15_000;
        const [fromMs, toMs] = [edge(Math.max(a, b)), edge(Math.min(a, b))];
        expect(engine.sum(0, fromMs, toMs)).toEqual(recount(samples, fromMs, toMs));
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  it('does not depend on the order of what has been accepted', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ series: fc.nat(2), second: fc.nat(300), value: fc.nat(50) }), {
          selector: ({ series, second }) => `${series}/${second}`,
          minLength: 2,
          maxLength: 50,
        }),
        (unique) => {
          const samples = unique.map(({ series, second, value }) => ({
            series,
            timeMs: startMs + second * secondMs,
            value,
          }));
          const sums = [samples, [...samples].reverse(), [...samples].sort((x, y) => x.timeMs - y.timeMs)].map(
            (order) => {
              const registry = new SeriesRegistry();
              const engine = new SloEngine([define()], { latenessMs });
              feed(engine, registry, order);
              return engine.sum(0, 0, endMs);
            },
          );
          expect(sums[1]).toEqual(sums[0]);
          expect(sums[2]).toEqual(sums[0]);
        },
      ),
      { seed: 22, numRuns: 150 },
    );
  });

  it('ends where a straight run ends, to the byte, when it is stopped and restored from its dirty pages', () => {
    fc.assert(
      fc.property(samplesArbitrary, samplesArbitrary, fc.nat(40), (first, second, commitAt) => {
        const straightRegistry = new SeriesRegistry();
        const straight = new SloEngine([define()], { latenessMs });
        const registry = new SeriesRegistry();
        const stopped = new SloEngine([define()], { latenessMs });
        const stored = new Map<string, Uint8Array>();
        const commit = (): void => {
          for (const [key, page] of stopped.dirtyPages()) stored.set(key, page);
          stopped.markClean();
        };
        feed(stopped, registry, first.slice(0, commitAt));
        commit();
        feed(stopped, registry, first.slice(commitAt));
        commit();

        // Another process: its registry gives other ids.
        const otherRegistry = new SeriesRegistry();
        otherRegistry.intern({ __name__: 'first' });
        const restored = new SloEngine([define()], { latenessMs });
        restored.restore(stored, otherRegistry);
        // What was stored is there already: sent again it changes nothing.
        feed(restored, otherRegistry, [...first.slice(-10), ...second]);

        feed(straight, straightRegistry, [...first, ...first.slice(-10), ...second]);
        expect(bytes(restored.snapshot())).toEqual(bytes(straight.snapshot()));
      }),
      { seed: 23, numRuns: 150 },
    );
  });

  it('replays from an old snapshot to the same state', () => {
    const samples = traffic(startMs, startMs + hourMs, 100, 3);
    const registry = new SeriesRegistry();
    const engine = new SloEngine([define()]);
    feed(engine, registry, samples.slice(0, 200));
    const old = engine.snapshot();
    feed(engine, registry, samples.slice(200));
    const restored = new SloEngine([define()]);
    restored.restore(old, new SeriesRegistry());
    const again = new SeriesRegistry();
    const replayed = new SloEngine([define()]);
    replayed.restore(old, again);
    feed(replayed, again, samples.slice(200), 31);
    expect(bytes(replayed.snapshot())).toEqual(bytes(engine.snapshot()));
  });

  it('counts good events, sums and differences, and delta series', () => {
    const registry = new SeriesRegistry();
    const engine = new SloEngine([
      define({ name: 'good', role: 'good', part: 'sum(rate(requests_total{code="200"}[5m]))' }),
      define({
        name: 'difference',
        role: 'good',
        part: 'sum(rate(requests_total[5m])) - sum(rate(requests_total{code=~"5.."}[5m]))',
      }),
    ]);
    feed(engine, registry, traffic(startMs, startMs + 10 * minuteMs, 10, 1));
    for (const slo of [0, 1]) expect(engine.sum(slo, startMs, endMs + hourMs)).toEqual({ good: 400, total: 440 });

    const id = registry.intern({ __name__: 'requests_total', code: '200', pod: 'delta' }, 'delta');
    const batch = { length: 2, ids: Uint32Array.of(id, id), values: Float64Array.of(5, 5) };
    engine.observe({ ...batch, times: Float64Array.of(startMs + secondMs, startMs + secondMs) }, registry);
    expect(engine.sum(0, startMs, endMs + hourMs)).toEqual({ good: 405, total: 445 });
    expect(engine.stats()).toMatchObject({ duplicates: 1, series: 3 });
  });

  it('refuses samples from far ahead of their arrival, which would empty the rings', () => {
    const registry = new SeriesRegistry();
    const engine = new SloEngine([define()]);
    feed(engine, registry, traffic(startMs, startMs + 10 * minuteMs, 10, 1));
    const before = engine.sum(0, startMs, endMs + hourMs);
    const far = batchOf(registry, [{ series: 0, timeMs: startMs + 365 * 24 * hourMs, value: 1 }]);
    engine.observe(far, registry, startMs + 10 * minuteMs);
    expect(engine.sum(0, startMs, endMs + hourMs)).toEqual(before);
    expect(engine.stats().ahead).toBe(1);
    expect(engine.watermarkMs).toBe(startMs + 10 * minuteMs);
  });

  it('adds the counts of its shards', () => {
    const registry = new SeriesRegistry();
    const shards = [new SloEngine([define()]), new SloEngine([define()])];
    const samples = traffic(startMs, startMs + hourMs, 90, 10);
    feed(
      shards[0]!,
      registry,
      samples.filter(({ series }) => series === 0),
    );
    feed(
      shards[1]!,
      registry,
      samples.filter(({ series }) => series === 2),
    );
    const whole = new SloEngine([define()]);
    feed(whole, registry, samples);
    expect(evaluateShards(shards, 0, startMs + hourMs)).toEqual(whole.evaluate(0, startMs + hourMs));
    expect(whole.evaluate(0, startMs + hourMs).burnRate).toBeCloseTo(10, 9);
  });

  it('keeps counts while what is counted stays, and starts anew when it changes', () => {
    const registry = new SeriesRegistry();
    const engine = new SloEngine([define({ window: '7d' })]);
    feed(engine, registry, traffic(startMs, startMs + hourMs, 90, 10));
    const stored = engine.snapshot();
    const before = engine.sum(0, startMs, startMs + hourMs);

    const tighter = new SloEngine([define({ window: '30d', target: 0.999 })]);
    tighter.restore(stored, new SeriesRegistry());
    expect(tighter.sum(0, startMs, startMs + hourMs)).toEqual(before);

    const other = new SloEngine([define({ window: '7d', part: 'sum(rate(requests_total{code="500"}[5m]))' })]);
    other.restore(stored, new SeriesRegistry());
    expect(other.sum(0, startMs, startMs + hourMs)).toEqual({ good: 0, total: 0 });
    // Pages of the old counts must not come back at the next start.
    const commit = new Map([...stored, ...other.dirtyPages()]);
    const again = new SeriesRegistry();
    const later = new SloEngine(other.definitions);
    later.restore(commit, again);
    const nextMs = startMs + hourMs + 15 * secondMs;
    feed(later, again, traffic(nextMs, nextMs, 90, 10));
    expect(later.sum(0, startMs, nextMs)).toEqual({ good: 90, total: 100 });
  });

  it('forgets stored series that nothing counts any more, and says so in its pages', () => {
    const registry = new SeriesRegistry();
    const engine = new SloEngine([define(), define({ name: 'other', total: 'sum(rate(other_total[5m]))' })]);
    const mixed = [3, 0].map((series) => ({ series, timeMs: startMs, value: 1 }));
    feed(engine, registry, mixed);
    const stored = engine.snapshot();
    const fewer = new SloEngine([define()]);
    const again = new SeriesRegistry();
    fewer.restore(stored, again);
    expect(again.size).toBe(1);
    feed(fewer, again, [{ series: 0, timeMs: startMs + 15_000, value: 8 }]);
    expect(fewer.sum(0, startMs, endMs).total).toBe(7);
    const after = new SeriesRegistry();
    const third = new SloEngine([define()]);
    third.restore(new Map([...stored, ...fewer.dirtyPages()]), after);
    feed(third, after, [{ series: 0, timeMs: startMs + 30_000, value: 10 }]);
    expect(third.sum(0, startMs, endMs).total).toBe(9);
  });

  it('offers pages again that could not be stored', () => {
    const registry = new SeriesRegistry();
    const engine = new SloEngine([define()]);
    feed(engine, registry, traffic(startMs, startMs + minuteMs, 10, 1));
    const pages = engine.dirtyPages();
    engine.markClean();
    expect([...engine.dirtyPages().keys()]).toEqual([]);
    engine.markDirty(pages.keys());
    expect(bytes(engine.dirtyPages())).toEqual(bytes(pages));
  });

  it('refuses two SLOs of one name, and an SLO it does not have', () => {
    expect(() => new SloEngine([define(), define()])).toThrow("'checkout'");
    expect(() => new SloEngine([define()]).evaluate(3, startMs)).toThrow('no SLO 3');
  });

  it('holds many series', () => {
    const registry = new SeriesRegistry();
    const engine = new SloEngine([define()]);
    const ids = Array.from({ length: 3_000 }, (_, i) =>
      registry.intern({ __name__: 'requests_total', code: i % 2 === 0 ? '200' : '500', pod: `${i}` }),
    );
    for (const [timeMs, value] of [
      [startMs, 1],
      [startMs + 15_000, 3],
    ] as const) {
      engine.observe(
        {
          length: ids.length,
          ids: Uint32Array.from(ids),
          times: new Float64Array(ids.length).fill(timeMs),
          values: new Float64Array(ids.length).fill(value),
        },
        registry,
      );
    }
    expect(engine.sum(0, startMs, endMs)).toEqual({ good: 3_000, total: 6_000 });
    const restored = new SloEngine([define()]);
    restored.restore(engine.snapshot(), new SeriesRegistry());
    expect(bytes(restored.snapshot())).toEqual(bytes(engine.snapshot()));
  });
});

describe('an evaluation', () => {
  it('spends 2 % of the budget in an hour at a burn of 14.4', () => {
    const registry = new SeriesRegistry();
    const definition = define({ target: 0.999 });
    const engine = new SloEngine([definition]);
    // A month of even traffic, the last hour of it with 1.44 % of errors.
    const [monthMs, faultMs] = [30 * 24 * hourMs, hourMs];
    let [good, bad] = [0, 0];
    const from = Math.ceil(startMs / (15 * minuteMs)) * 15 * minuteMs;
    for (let timeMs = from; timeMs <= from + monthMs; timeMs += 5 * minuteMs) {
      const errors = timeMs > from + monthMs - faultMs ? 144 : 0;
      good += 10_000 - errors;
      bad += errors;
      feed(engine, registry, [
        { series: 0, timeMs, value: good },
        { series: 2, timeMs, value: bad },
      ]);
    }
    const evaluation = engine.evaluate(0, from + monthMs);
    const [page] = evaluation.pairs;
    expect(page?.longBurn).toBeCloseTo(14.4, 9);
    expect(page?.shortBurn).toBeCloseTo(14.4, 9);
    expect(evaluation.budgetRemaining).toBeCloseTo(0.98, 9);
    // At this burn a whole budget lasts 50 hours.
    expect(evaluation.exhaustionMs! - evaluation.atMs).toBeCloseTo(0.98 * 50 * hourMs, -1);
    expect(engine.budget(0, from + monthMs).spent).toBe(12 * 144);
  });

  it('of an SLO without events burns nothing and fires nothing', () => {
    const evaluation = new SloEngine([define()]).evaluate(0, startMs);
    expect(evaluation).toMatchObject({ burnRate: 0, budgetRemaining: 1, exhaustionMs: undefined });
    expect(evaluation.pairs.some(({ isFiring }) => isFiring)).toBe(false);
  });

  it('fires within a minute and resolves soon after, on an SLO of six hours sampled every second', () => {
    const registry = new SeriesRegistry();
    const engine = new SloEngine([define({ window: '6h', target: 0.99 })]);
    const alerts = new BurnAlerts();
    const said: [string, string, number][] = [];
    let [good, bad] = [0, 0];
    for (let second = 0; second <= 900; second++) {
      const isFault = second > 300 && second <= 420;
      good += isFault ? 50 : 100;
      bad += isFault ? 50 : 0;
      const timeMs = startMs + second * secondMs;
      feed(engine, registry, [
        { series: 0, timeMs, value: good },
        { series: 2, timeMs, value: bad },
      ]);
      for (const { status, window } of alerts.update(engine.evaluate(0, timeMs))) {
        said.push([window.name, status, second]);
      }
    }
    const page = said.filter(([name]) => name === '1h/5m');
    expect(page.map(([, status]) => status)).toEqual(['firing', 'resolved']);
    // 50 % errors burn at 50: a window of 30 s passes 14.4 after 9 s; one of 3 s is clean 3 s after the end.
    expect(page.map(([, , second]) => second)).toEqual([309, 423]);
  });
});
