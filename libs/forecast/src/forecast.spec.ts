import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fillGaps, findSeason, forecast, HistoryError, replicasFor, stepsToSaturation } from './index.js';

/** mulberry32: enough randomness for a test, the same every time. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const wave = (n: number, season: number, noise: number, seed = 1): Float64Array => {
  const next = random(seed);
  return Float64Array.from(
    { length: n },
    (_, t) => 100 + 40 * Math.sin((2 * Math.PI * t) / season) + noise * (next() - 0.5),
  );
};

describe('forecast', () => {
  it('repeats a season it has seen', () => {
    const result = forecast({ history: wave(240, 24, 1), horizon: 48 });
    expect(result.season).toBe(24);
    const truth = wave(288, 24, 0).subarray(240);
    for (let h = 0; h < 48; h++) expect(Math.abs(result.mean[h]! - truth[h]!)).toBeLessThan(4);
  });

  it('continues a constant at zero width', () => {
    const { mean, quantiles } = forecast({ history: new Float64Array(50).fill(7), horizon: 5 });
    for (const values of [mean, ...quantiles]) for (const value of values) expect(value).toBeCloseTo(7, 12);
  });

  it('covers what comes about as often as it says', () => {
    let inside = 0;
    let count = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const series = wave(168 + 24, 24, 30, seed);
      const { quantiles } = forecast({ history: series.subarray(0, 168), horizon: 24 });
      for (let h = 0; h < 24; h++) {
        const value = series[168 + h]!;
        if (value >= quantiles[0]![h]! && value <= quantiles.at(-1)![h]!) inside++;
        count++;
      }
    }
    expect(inside / count).toBeGreaterThan(0.82);
    expect(inside / count).toBeLessThan(0.99);
  });

  it('orders its quantiles, stays finite, and does not make a negative of a series that never was', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 8, maxLength: 80 }),
        fc.integer({ min: 1, max: 40 }),
        (values, horizon) => {
          const { mean, quantiles } = forecast({ history: Float64Array.from(values), horizon });
          for (let h = 0; h < horizon; h++) {
            expect(mean[h]).toBeGreaterThanOrEqual(0);
            expect(Number.isFinite(mean[h])).toBe(true);
            for (let q = 1; q < quantiles.length; q++)
              expect(quantiles[q]![h]).toBeGreaterThanOrEqual(quantiles[q - 1]![h]!);
          }
        },
      ),
      { seed: 11, numRuns: 150 },
    );
  });

  it('says what is missing of a short history', () => {
    expect(() => forecast({ history: new Float64Array(3), horizon: 1 })).toThrow(HistoryError);
    expect(() => forecast({ history: new Float64Array(3), horizon: 1 })).toThrow(/needs 8 values or more; there are 3/);
    expect(() => forecast({ history: wave(30, 5, 1), horizon: 0 })).toThrow(/horizon must be/);
  });

  it('weighs the members by how they did', () => {
    const { models } = forecast({ history: wave(240, 24, 1), horizon: 24 });
    const weight = Object.fromEntries(models.map(({ name, weight: share }) => [name, share]));
    expect(weight['seasonal-level']! + weight['seasonal-naive']!).toBeGreaterThan(0.95);
    expect(models.reduce((sum, model) => sum + model.weight, 0)).toBeCloseTo(1, 12);
  });
});

describe('gaps', () => {
  it('are bridged inside and cut at the ends', () => {
    expect([...fillGaps(Float64Array.from([NaN, 1, NaN, NaN, 4, NaN]))]).toEqual([1, 2, 3, 4]);
  });
});

describe('season', () => {
  it.each([
    { what: 'white noise', series: Float64Array.from({ length: 300 }, random(5)), season: 1 },
    { what: 'a constant', series: new Float64Array(300).fill(3), season: 1 },
    { what: 'a line', series: Float64Array.from({ length: 300 }, (_, t) => 2 * t), season: 1 },
    { what: 'a wave of 12', series: wave(300, 12, 5), season: 12 },
    { what: 'a wave of 60', series: wave(300, 60, 1), season: 60 },
  ])('of $what is $season', ({ series, season }) => {
    expect(findSeason(series)).toBe(season);
  });
});

describe('replicas', () => {
  it.each([
    { peak: 600, capacity: 100, target: 0.5, replicas: 12 },
    { peak: 601, capacity: 100, target: 0.5, replicas: 13 },
    { peak: 0, capacity: 100, target: 0.5, replicas: 2 },
    { peak: 9_999, capacity: 100, target: 0.5, replicas: 20 },
  ])('for $peak at $capacity each are $replicas', ({ peak, capacity, target, replicas }) => {
    const request = { peak, capacityPerReplica: capacity, targetUtilisation: target, min: 2, max: 20 };
    expect(replicasFor(request).replicas).toBe(replicas);
  });

  it('refuse a capacity of nothing', () => {
    expect(() => replicasFor({ peak: 1, capacityPerReplica: 0, targetUtilisation: 0.5, min: 1, max: 2 })).toThrow(
      /capacityPerReplica must be above 0/,
    );
  });

  it('know when a limit is reached', () => {
    expect(stepsToSaturation(Float64Array.from([1, 2, 3]), 2)).toBe(1);
    expect(stepsToSaturation(Float64Array.from([1, 2, 3]), 4)).toBeUndefined();
  });
});
