import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from './bytes.js';
import { IncrementTracker, verdict } from './increments.js';

const latenessMs = 300_000;
interface Sample {
  time: number;
  value: number;
  start: number;
}

function collect(): { tracker: IncrementTracker; sums: Map<number, number> } {
  const sums = new Map<number, number>();
  const tracker = new IncrementTracker(latenessMs, (_slot, time, delta) => {
    const sum = (sums.get(time) ?? 0) + delta;
    if (sum === 0) sums.delete(time);
    else sums.set(time, sum);
  });
  return { tracker, sums };
}

/** The definition, written down: sort the set, then subtract neighbours. */
function model(samples: readonly Sample[]): Map<number, number> {
  const sorted = [...samples].sort((a, b) => a.time - b.time);
  const sums = new Map<number, number>();
  sorted.forEach((sample, i) => {
    const previous = sorted[i - 1];
    const delta =
      previous === undefined
        ? sample.start > 0 && sample.start >= sample.time - latenessMs
          ? sample.value
          : 0
        : sample.value < previous.value || sample.start > previous.time
          ? sample.value
          : sample.value - previous.value;
    if (delta !== 0) sums.set(sample.time, delta);
  });
  return sums;
}

const samplesWithinLateness = fc
  .uniqueArray(
    fc.record({
      time: fc.integer({ min: 1_000, max: 1_000 + latenessMs }),
      value: fc.integer({ min: 0, max: 50 }),
      start: fc.oneof(fc.constant(0), fc.integer({ min: 500, max: 1_000 + latenessMs })),
    }),
    { selector: (sample) => sample.time, minLength: 1, maxLength: 40 },
  )
  .map((samples) => samples.map((sample) => ({ ...sample, start: Math.min(sample.start, sample.time) })));

describe('increments', () => {
  it('are a function of the set of samples, not of their order or repetition', () => {
    fc.assert(
      fc.property(samplesWithinLateness, fc.infiniteStream(fc.nat()), (samples, choices) => {
        const { tracker, sums } = collect();
        const order = [...samples, ...samples.slice(0, 5)];
        for (let i = order.length - 1; i > 0; i--) {
          const j = choices.next().value! % (i + 1);
          [order[i], order[j]] = [order[j]!, order[i]!];
        }
        for (const { time, value, start } of order) tracker.add(7, time, value, start, false);
        expect(sums).toEqual(model(samples));
      }),
      { seed: 21, numRuns: 500 },
    );
  });

  it('go on from a snapshot as if nothing had happened', () => {
    fc.assert(
      fc.property(samplesWithinLateness, fc.nat(40), (samples, cut) => {
        const { tracker, sums } = collect();
        for (const { time, value, start } of samples.slice(0, cut)) tracker.add(0, time, value, start, false);
        const out = new ByteWriter();
        tracker.write(0, out);
        const after = collect();
        after.tracker.read(3, new ByteReader(out.finish()));
        for (const { time, value, start } of samples.slice(cut)) after.tracker.add(3, time, value, start, false);
        for (const [time, delta] of after.sums) sums.set(time, (sums.get(time) ?? 0) + delta);
        for (const [time, delta] of sums) if (delta === 0) sums.delete(time);
        expect(sums).toEqual(model(samples));
      }),
      { seed: 22, numRuns: 300 },
    );
  });

  it('of many series in order match their definition over hours', () => {
    const { tracker, sums } = collect();
    let total = 0;
    for (let t = 0; t < 2_000; t++) {
      for (let slot = 0; slot < 20; slot++) tracker.add(slot, 1_000_000 + t * 5_000, t * (slot + 1), 0, false);
      if (t > 0) total += 210;
    }
    expect([...sums.values()].reduce((a, b) => a + b, 0)).toBe(total);
    expect(tracker.kept(0)).toBeLessThanOrEqual(latenessMs / 5_000 + 2);
  });

  it.each([
    { what: 'a fresh process', start: 9_000, counts: 5 },
    { what: 'an unknown start', start: 0, counts: 0 },
    { what: 'a start long ago', start: 10_000 - latenessMs - 1, counts: 0 },
  ])('begin at $what with $counts', ({ start, counts }) => {
    const { tracker, sums } = collect();
    tracker.add(0, 10_000_000, 5, start === 0 ? 0 : 10_000_000 - 10_000 + start, false);
    expect(sums.get(10_000_000) ?? 0).toBe(counts);
  });

  it('keep the first value at equal times, and refuse what is too late', () => {
    const { tracker, sums } = collect();
    expect(tracker.add(0, 1_000_000, 1, 0, false)).toBe(verdict.accepted);
    expect(tracker.add(0, 1_001_000, 5, 0, false)).toBe(verdict.accepted);
    expect(tracker.add(0, 1_001_000, 5, 0, false)).toBe(verdict.duplicate);
    expect(tracker.add(0, 1_001_000, 9, 0, false)).toBe(verdict.conflict);
    expect(tracker.add(0, 1_001_000 - latenessMs - 1, 0, 0, false)).toBe(verdict.late);
    expect(tracker.add(0, 1_002_000, NaN, 0, false)).toBe(verdict.ignored);
    expect([...sums]).toEqual([[1_001_000, 4]]);
    expect(tracker.counted).toMatchObject({ accepted: 2, duplicate: 1, conflict: 1, late: 1 });
  });

  it('of delta sums are their values, once a time', () => {
    const { tracker, sums } = collect();
    for (const [time, value] of [
      [3_000, 3],
      [1_000, 1],
      [2_000, 2],
      [2_000, 2],
    ] as const)
      tracker.add(0, time, value, 0, true);
    expect(sums).toEqual(
      new Map([
        [3_000, 3],
        [1_000, 1],
        [2_000, 2],
      ]),
    );
  });
});
