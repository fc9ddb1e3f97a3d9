import { describe, expect, it } from '@jest/globals';
import { ByteReader, ByteWriter } from '@vigil/telemetry';
import fc from 'fast-check';
import { roles, SloCounts, type Tier, tiersFor } from './counts.js';

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Small enough for events to leave every tier within a test. */
const tiers: Tier[] = [
  { bucketMs: secondMs, buckets: 300 },
  { bucketMs: 5 * secondMs, buckets: 120 },
  { bucketMs: 20 * secondMs, buckets: 60 },
];
const spanMs = 60 * 20 * secondMs;

interface Event {
  timeMs: number;
  delta: number;
}

const events = fc.array(
  fc.record({ timeMs: fc.integer({ min: 1, max: 3 * spanMs }), delta: fc.integer({ min: -20, max: 100 }) }),
  { minLength: 1, maxLength: 120 },
);

function copy(counts: SloCounts): SloCounts {
  const bytesOf = (key: string): Uint8Array => {
    const out = new ByteWriter();
    counts.write(key, out);
    return out.finish();
  };
  const read = SloCounts.readHeader(new ByteReader(bytesOf('')));
  for (const key of counts.pageKeys(false)) if (key !== '') read.readPage(key, new ByteReader(bytesOf(key)));
  return read;
}

/** What a sum must be, by the definition: a tier still has a bucket or the event is gone from it. */
function model(all: readonly Event[], fromMs: number, toMs: number): number {
  return all.filter(({ timeMs }) => timeMs > fromMs && timeMs <= toMs).reduce((sum, { delta }) => sum + delta, 0);
}

describe(SloCounts.name, () => {
  it('sums any window aligned to the finest buckets like a recount, while they reach back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ timeMs: fc.integer({ min: 1, max: 280 * secondMs }), delta: fc.integer() })),
        fc.nat(280),
        fc.nat(280),
        (all, a, b) => {
          const counts = new SloCounts(tiers);
          for (const { timeMs, delta } of all) counts.add(roles.total, timeMs, delta);
          const [fromMs, toMs] = [Math.min(a, b) * secondMs, Math.max(a, b) * secondMs];
          expect(counts.sum(fromMs, toMs)).toEqual({ part: 0, total: model(all, fromMs, toMs) });
        },
      ),
      { seed: 11, numRuns: 300 },
    );
  });

  it('sums windows over several tiers like a recount, their old edge at a bucket of the coarsest', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 0, max: 55 }), fc.nat(40), (unsorted, back, before) => {
        const all = unsorted.sort((a, b) => a.timeMs - b.timeMs);
        const counts = new SloCounts(tiers);
        for (const { timeMs, delta } of all) counts.add(roles.part, timeMs, delta);
        const newest = all.at(-1)!.timeMs;
        const toMs = Math.max(0, Math.ceil(newest / secondMs) - before) * secondMs;
        const coarseMs = 20 * secondMs;
        const fromMs = Math.max(0, Math.ceil(newest / coarseMs) - back) * coarseMs;
        if (fromMs >= toMs) return;
        expect(counts.sum(fromMs, toMs).part).toBe(model(all, fromMs, toMs));
      }),
      { seed: 12, numRuns: 500 },
    );
  });

  it('does not depend on the order of events within the finest tier', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ timeMs: fc.integer({ min: 1, max: 290 * secondMs }), delta: fc.integer() })),
        (all) => {
          const [one, other] = [new SloCounts(tiers), new SloCounts(tiers)];
          for (const { timeMs, delta } of all) one.add(roles.part, timeMs, delta);
          for (const { timeMs, delta } of [...all].reverse()) other.add(roles.part, timeMs, delta);
          for (let from = 0; from < 290; from += 7) {
            expect(one.sum(from * secondMs, spanMs)).toEqual(other.sum(from * secondMs, spanMs));
          }
        },
      ),
      { seed: 13, numRuns: 100 },
    );
  });

  it('puts an event that is older than the fine tier into the coarser ones', () => {
    const counts = new SloCounts(tiers);
    counts.add(roles.total, 1_000 * secondMs, 1);
    counts.add(roles.total, 500 * secondMs, 7);
    expect(counts.sum(480 * secondMs, 500 * secondMs).total).toBe(7);
    expect(counts.sum(0, 1_000 * secondMs).total).toBe(8);
    counts.add(roles.total, 10_000 * secondMs, 0);
    expect(counts.sum(0, 10_000 * secondMs).total).toBe(0);
  });

  it('counts an event at an edge towards the bucket that ends there', () => {
    const counts = new SloCounts(tiers);
    counts.add(roles.total, 10 * secondMs, 1);
    expect(counts.sum(9 * secondMs, 10 * secondMs).total).toBe(1);
    expect(counts.sum(10 * secondMs, 11 * secondMs).total).toBe(0);
  });

  it('comes back from its pages as it was, whatever follows', () => {
    fc.assert(
      fc.property(events, events, (before, after) => {
        const counts = new SloCounts(tiers);
        for (const { timeMs, delta } of before) counts.add(roles.total, timeMs, delta);
        const restored = copy(counts);
        for (const { timeMs, delta } of after) {
          counts.add(roles.total, timeMs, delta);
          restored.add(roles.total, timeMs, delta);
        }
        expect(restored.newestMs).toBe(counts.newestMs);
        for (const key of counts.pageKeys(false)) {
          const [a, b] = [new ByteWriter(), new ByteWriter()];
          counts.write(key, a);
          restored.write(key, b);
          expect(b.finish()).toEqual(a.finish());
        }
      }),
      { seed: 14, numRuns: 100 },
    );
  });

  it('names every page that changed since the last commit, so that those alone rebuild it', () => {
    fc.assert(
      fc.property(fc.array(events, { minLength: 1, maxLength: 4 }), (rounds) => {
        const counts = new SloCounts(tiers);
        const stored = new Map<string, Uint8Array>();
        for (const round of rounds) {
          for (const { timeMs, delta } of round) counts.add(roles.part, timeMs, delta);
          for (const key of counts.pageKeys(true)) {
            const out = new ByteWriter();
            counts.write(key, out);
            stored.set(key, out.finish());
          }
          counts.markClean();
        }
        const restored = SloCounts.readHeader(new ByteReader(stored.get('')!));
        for (const [key, bytes] of stored) if (key !== '') restored.readPage(key, new ByteReader(bytes));
        for (let from = 0; from < 3 * spanMs; from += 20 * secondMs) {
          expect(restored.sum(from, 3 * spanMs)).toEqual(counts.sum(from, 3 * spanMs));
        }
      }),
      { seed: 15, numRuns: 100 },
    );
  });

  it('carries its counts over to another window', () => {
    const layout = (days: number): Tier[] =>
      tiersFor({ windowMs: days * dayMs, bucketMs: 15 * secondMs, longestAlertMs: (days * dayMs) / 10 });
    const week = new SloCounts(layout(7));
    for (let hour = 1; hour <= 7 * 24; hour++) week.add(roles.total, hour * hourMs, hour);
    const month = new SloCounts(layout(30));
    expect(month.adopt(week)).toBe(true);
    for (const hours of [1, 5, 30, 100, 168]) {
      const fromMs = (168 - hours) * hourMs;
      expect(month.sum(fromMs, 168 * hourMs)).toEqual(week.sum(fromMs, 168 * hourMs));
    }
    expect(new SloCounts(tiers).adopt(week)).toBe(false);
  });

  it.each([
    { name: 'six hours', windowMs: 6 * hourMs, bucketMs: secondMs },
    { name: 'a week', windowMs: 7 * dayMs, bucketMs: 15 * secondMs },
    { name: '90 days', windowMs: 90 * dayMs, bucketMs: 15 * secondMs },
  ])('reaches over $name and costs no more than 250 KB', ({ windowMs, bucketMs }) => {
    const layout = tiersFor({ windowMs, bucketMs, longestAlertMs: windowMs / 10 });
    const coarsest = layout.at(-1)!;
    expect(coarsest.buckets * coarsest.bucketMs).toBeGreaterThan(windowMs);
    expect(layout.reduce((bytes, { buckets }) => bytes + buckets * 16, 0)).toBeLessThan(250_000);
  });

  it('refuses a page of another version or of another SLO by name', () => {
    expect(() => SloCounts.readHeader(new ByteReader(Uint8Array.of(9)))).toThrow('version 9');
    expect(() => new SloCounts(tiers).readPage('7/0', new ByteReader(Uint8Array.of(1)))).toThrow("'7/0'");
  });
});
