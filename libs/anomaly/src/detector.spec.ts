import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Detector, type Judgement } from './detector.js';
import { Episode } from './episode.js';
import { Rarity } from './rarity.js';
import { healthyShapes, normal, seeded } from './synthetic.js';
import { SortedWindow } from './windows.js';

const startMs = Date.UTC(2026, 0, 5);
const judgeAll = (values: readonly number[], stepMs = 1_000, detector = new Detector()): Judgement[] =>
  values.map((value, i) => detector.update(startMs + i * stepMs, value));
const shape = (name: string, length: number, seed: number): number[] => {
  const random = seeded(seed);
  return Array.from({ length }, (_, t) => healthyShapes[name]!(random, t));
};
/** Noise with steps, spikes and slopes: something of everything. */
const mixed = (seed: number, length: number): number[] => {
  const random = seeded(seed);
  let level = 10;
  return Array.from({ length }, () => {
    if (random() < 0.01) level += 20 * normal(random);
    return level + normal(random) + (random() < 0.01 ? 30 : 0);
  });
};

describe(SortedWindow.name, () => {
  it('has the median and quantiles of its last values', () => {
    const window = new SortedWindow(4);
    expect(window.median).toBeNaN();
    for (const value of [9, 1, 5]) window.add(value);
    expect(window.median).toBe(5);
    for (const value of [2, 7]) window.add(value);
    // 1, 5, 2, 7 are left.
    expect([window.median, window.range, window.recent(0), window.recent(3)]).toEqual([3.5, 6, 7, 1]);
    expect(window.quantile(0.98)).toBe(7);
  });
});

describe(Rarity.name, () => {
  it('is the share of deviations as large, and grows with the logarithm beyond them', () => {
    const rarity = new Rarity();
    const random = seeded(1);
    for (let i = 0; i < 10_000; i++) rarity.score(Math.abs(normal(random)));
    expect(rarity.of(0.01)).toBeLessThan(0.05);
    // P(|N| > 1.96) = 5 %, P(|N| > 2.58) = 1 %; bins are a third of an octave wide.
    expect(rarity.of(1.96)).toBeCloseTo(-Math.log10(0.05), 0);
    expect(rarity.of(2.58)).toBeCloseTo(2, 0);
    expect(rarity.of(20) - rarity.of(10)).toBeCloseTo(rarity.of(40) - rarity.of(20), 9);
    expect(rarity.of(20)).toBeGreaterThan(4);
  });

  it('calls nothing rare before it knows something', () => {
    const rarity = new Rarity();
    for (let i = 0; i < 59; i++) expect(rarity.score(1)).toBe(0);
    expect(rarity.score(1_000)).toBe(0);
  });
});

describe(Detector.name, () => {
  it.each([...Object.keys(healthyShapes)])('keeps quiet about a healthy series: %s', (name) => {
    let anomalies = 0;
    let outside = 0;
    const [series, length] = [10, 1_800];
    for (let seed = 0; seed < series; seed++) {
      const judged = judgeAll(shape(name, length, seed));
      anomalies += judged.filter(({ isAnomaly }) => isAnomaly).length;
      outside += judged.filter(({ isOutside }) => isOutside).length;
    }
    // At one point a second: at most two in half an hour; and the band holds the values.
    expect(anomalies).toBeLessThanOrEqual(2 * series);
    expect(outside / (series * length)).toBeLessThan(0.005);
  });

  it.each(['flat', 'latency', 'day', 'ratio', 'none'])(
    'sees a fault of 30 points within five, each time that it comes back: %s',
    (name) => {
      const values = shape(name, 2_000, 7);
      const faults = [200, 700, 1_000, 1_600];
      for (const at of faults)
        for (let t = at; t < at + 30; t++) values[t] = name === 'none' || name === 'ratio' ? 0.2 : values[t]! * 3;
      const judged = judgeAll(values);
      for (const at of faults) {
        const seen = judged.findIndex(
          ({ isAnomaly, isOutside, isHeld }, t) => t >= at && (isAnomaly || (isOutside && isHeld)),
        );
        expect(seen - at).toBeLessThan(5);
        // The band stays where it was: the fault is outside of it to its end.
        expect(judged.slice(seen, at + 30).every(({ isOutside }) => isOutside)).toBe(true);
        const after = judged[at + 60]!;
        const before = judged[at - 1]!;
        if (name !== 'day') expect(after.upper - after.lower).toBeLessThan(1.5 * (before.upper - before.lower) + 0.02);
      }
    },
  );

  it('is useful after a minute, and a spike does not widen the band', () => {
    const values = shape('latency', 200, 3);
    values[70] = 3;
    const judged = judgeAll(values);
    expect(judged[70]).toMatchObject({ isAnomaly: true, isOutside: true });
    const width = ({ upper, lower }: Judgement): number => upper - lower;
    expect(width(judged[90]!)).toBeLessThan(1.3 * width(judged[69]!));
  });

  it('accepts a level that stays', () => {
    const random = seeded(5);
    const judged = judgeAll(Array.from({ length: 600 }, (_, t) => (t < 300 ? 10 : 25) + normal(random)));
    expect(judged[305]!.isHeld).toBe(true);
    expect(judged[500]!.isHeld).toBe(false);
    expect(judged[500]!.expected).toBeCloseTo(25, -1);
    expect(judged[500]!.isOutside).toBe(false);
  });

  it('judges a prefix as it judges the whole', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 700 }), (seed, length) => {
        const values = mixed(seed, 700);
        expect(judgeAll(values.slice(0, length))).toEqual(judgeAll(values).slice(0, length));
      }),
      { numRuns: 10 },
    );
  });

  it('scores a x + b as x, for a negative a too', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(-8, 0.25, 1_024), fc.constantFrom(0, 64, -4_096), (seed, a, b) => {
        const values = mixed(seed, 700).map((value) => Math.round(value * 256) / 256);
        const plain = judgeAll(values);
        const moved = judgeAll(values.map((value) => a * value + b));
        moved.forEach((judgement, i) => {
          expect(judgement.score).toBeCloseTo(plain[i]!.score, 6);
          expect(judgement.isOutside).toBe(plain[i]!.isOutside);
          const [edge, other] = a > 0 ? [judgement.upper, judgement.lower] : [judgement.lower, judgement.upper];
          expect((edge - b) / a).toBeCloseTo(plain[i]!.upper, 6);
          expect((other - b) / a).toBeCloseTo(plain[i]!.lower, 6);
        });
      }),
      { numRuns: 10 },
    );
  });

  it('continues after a restore as if nothing had been', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 600 }), (seed, at) => {
        const values = mixed(seed, 700);
        const detector = new Detector();
        const before = judgeAll(values.slice(0, at), 1_000, detector);
        const restored = Detector.restore(detector.snapshot());
        const after = values.slice(at).map((value, i) => restored.update(startMs + (at + i) * 1_000, value));
        expect([...before, ...after]).toEqual(judgeAll(values));
      }),
      { numRuns: 10 },
    );
  });

  it('refuses state of another version', () => {
    const bytes = new Detector().snapshot();
    bytes[0] = 99;
    expect(() => Detector.restore(bytes)).toThrow(/version 99/);
  });

  it('lets NaN, infinities, repetitions and the past change nothing', () => {
    const values = mixed(11, 400);
    const detector = new Detector();
    const judged = values.map((value, i) => {
      const timeMs = startMs + i * 1_000;
      const judgement = detector.update(timeMs, value);
      for (const [time, bad] of [
        [timeMs + 1, NaN],
        [timeMs + 1, Infinity],
        [timeMs + 1, -1e300],
        [NaN, 1],
        [timeMs, 1e6],
        [timeMs - 5_000, 1e6],
      ] as const)
        expect(detector.update(time, bad)).toMatchObject({ score: 0, isAnomaly: false, reason: 'ignored' });
      return judgement;
    });
    expect(judged).toEqual(judgeAll(values));
  });

  it('believes a clock that stays set back', () => {
    const detector = new Detector();
    detector.update(startMs + 86_400_000, 1);
    const reasons = Array.from({ length: 12 }, (_, i) => detector.update(startMs + i * 1_000, 1).reason);
    expect(reasons[0]).toBe('ignored');
    expect(reasons.at(-1)).not.toBe('ignored');
  });

  it('does not compare over a long gap', () => {
    const random = seeded(2);
    const detector = new Detector();
    for (let t = 0; t < 300; t++) detector.update(startMs + t * 1_000, 10 + normal(random));
    const later = startMs + 7_200_000;
    const judged = Array.from({ length: 30 }, (_, t) => detector.update(later + t * 1_000, 14 + normal(random)));
    expect(judged.slice(0, 6).every(({ reason, isAnomaly }) => reason === 'warming-up' && !isAnomaly)).toBe(true);
    expect(judged.at(-1)!.expected).toBeCloseTo(14, -0.5);
  });

  it('answers numbers from the first point on, and calls a constant what it is', () => {
    const judged = judgeAll(Array.from({ length: 300 }, () => 4));
    for (const { expected, lower, upper, score } of judged)
      expect([expected, lower, upper, score]).toEqual([4, 4, 4, 0]);
  });
});

describe(Episode.name, () => {
  const run = (values: readonly number[], direction: 'up' | 'down' | 'both'): string[] => {
    const [detector, episode] = [new Detector(), new Episode()];
    return values.flatMap((value, t) => {
      const timeMs = startMs + t * 1_000;
      const change = episode.update(timeMs, value, detector.update(timeMs, value), direction);
      return change === undefined ? [] : [`${change.status} ${t}`];
    });
  };
  const faulty = (factor: number): number[] =>
    shape('latency', 400, 4).map((value, t) => (t >= 200 && t < 230 ? value * factor : value));

  it('opens with a fault and ends after it', () => {
    const [opened, ended, ...more] = run(faulty(4), 'up');
    expect(opened).toMatch(/^firing 20[0-3]$/);
    expect(ended).toMatch(/^resolved 23[4-6]$/);
    expect(more).toEqual([]);
  });

  it('tells the direction asked for alone', () => {
    expect(run(faulty(4), 'down')).toEqual([]);
    expect(run(faulty(0.1), 'down')).toHaveLength(2);
  });
});
