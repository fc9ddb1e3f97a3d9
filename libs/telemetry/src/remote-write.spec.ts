import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DecodeError } from './decode-error.js';
import type { Labels } from './model.js';
import { decodeRemoteWrite, encodeRemoteWrite, splitRemoteWrite, type WriteSeries } from './remote-write.js';
import { SeriesRegistry } from './series-registry.js';

const labelName = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/).filter((name) => name !== '__name__');
const series: fc.Arbitrary<WriteSeries> = fc.record({
  labels: fc
    .tuple(
      fc.dictionary(labelName, fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }), { noNullPrototype: true }),
      labelName,
    )
    .map(([rest, name]): Labels => ({ ...rest, __name__: name })),
  samples: fc.array(
    fc.record({ timestampMs: fc.integer({ min: -1e6, max: 2 ** 45 }), value: fc.double({ noNaN: true }) }),
    { maxLength: 4 },
  ),
});

const flat = (all: readonly WriteSeries[], registry: SeriesRegistry): [Labels, number, number][] =>
  all.flatMap(({ labels, samples }) =>
    samples.map(({ timestampMs, value }): [Labels, number, number] => [
      registry.labels(registry.intern(labels)),
      timestampMs,
      value,
    ]),
  );

function decoded(body: Uint8Array, registry: SeriesRegistry): [Labels, number, number][] {
  const { length, ids, times, values } = decodeRemoteWrite(body, registry);
  return Array.from({ length }, (_, i) => [registry.labels(ids[i]!), times[i]!, values[i]!]);
}

describe('remote write', () => {
  it('decodes what was encoded, in order', () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 6 }), (all) => {
        const registry = new SeriesRegistry();
        expect(decoded(encodeRemoteWrite(all), registry)).toEqual(flat(all, registry));
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('carries kinds and start times of its own log', () => {
    const registry = new SeriesRegistry();
    const labels = { __name__: 'jobs_total' };
    const batch = decodeRemoteWrite(
      encodeRemoteWrite([{ labels, kind: 'counter', samples: [{ timestampMs: 2_000, value: 5, startMs: 1_000 }] }]),
      registry,
    );
    expect(registry.kind(batch.ids[0]!)).toBe('counter');
    expect(batch.starts).toEqual(new Float64Array([1_000]));
  });

  it('splits by slot without losing, doubling or changing a sample', () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), (all, partitions) => {
        const registry = new SeriesRegistry();
        const parts = splitRemoteWrite(encodeRemoteWrite(all), registry, (slot) => slot % partitions, partitions);
        const together = parts.flatMap((part, partition) => {
          if (part === undefined) return [];
          const samples = decoded(part, registry);
          for (const [labels] of samples) expect(registry.slot(registry.intern(labels)) % partitions).toBe(partition);
          return samples;
        });
        const sorted = (list: [Labels, number, number][]) => list.map((entry) => JSON.stringify(entry)).sort();
        expect(sorted(together)).toEqual(sorted(flat(all, registry)));
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it('either decodes a damaged body or says at which byte it is broken', () => {
    const body = encodeRemoteWrite([
      { labels: { __name__: 'up', job: 'shop' }, samples: [{ timestampMs: 1_764_000_000_000, value: 1 }] },
      { labels: { __name__: 'requests_total', code: '500' }, samples: [{ timestampMs: 1_764_000_000_000, value: 42 }] },
    ]);
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, byte, cut) => {
        const damaged = body.slice(0, cut ? at : body.length);
        if (!cut) damaged[at] = byte;
        try {
          decodeRemoteWrite(damaged, new SeriesRegistry());
        } catch (error) {
          refused++;
          expect(error).toBeInstanceOf(DecodeError);
          const { position } = error as DecodeError;
          expect(position).toBeGreaterThanOrEqual(0);
          expect(position).toBeLessThanOrEqual(damaged.length);
        }
      }),
      { seed: 5, numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it.each([
    { what: 'a series without labels', all: [{ labels: {}, samples: [] }], reason: /without labels/ },
    { what: 'a series without a name', all: [{ labels: { job: 'x' }, samples: [] }], reason: /without __name__/ },
  ])('refuses $what', ({ all, reason }) => {
    expect(() => decodeRemoteWrite(encodeRemoteWrite(all), new SeriesRegistry())).toThrow(reason);
  });
});

describe('series registry', () => {
  it('gives one id to one label set, however it is ordered', () => {
    const registry = new SeriesRegistry();
    const id = registry.intern({ __name__: 'up', a: '1', b: '2' });
    expect(registry.intern({ b: '2', __name__: 'up', a: '1' })).toBe(id);
    expect(registry.intern({ __name__: 'up', a: '2', b: '1' })).not.toBe(id);
  });

  it('keeps 50,000 series apart', () => {
    const registry = new SeriesRegistry();
    for (let i = 0; i < 50_000; i++) expect(registry.intern({ __name__: 'm', i: String(i) })).toBe(i);
    expect(registry.intern({ __name__: 'm', i: '77' })).toBe(77);
  });

  // Pinned: series are found on their partitions by these slots for as long as there are stored states.
  it.each([
    { labels: { __name__: 'up' }, slot: 242 },
    { labels: { __name__: 'http_requests_total', code: '200', job: 'api' }, slot: 21 },
    { labels: { __name__: 'naïve', ключ: '値' }, slot: 52 },
  ])('puts $labels into the same slot for ever', ({ labels, slot }) => {
    const registry = new SeriesRegistry();
    expect(registry.slot(registry.intern(labels))).toBe(slot);
  });

  it('spreads series over the slots evenly', () => {
    const registry = new SeriesRegistry();
    const counts = new Uint32Array(256);
    for (let i = 0; i < 25_600; i++) counts[registry.slot(registry.intern({ __name__: 'm', i: String(i) }))]!++;
    expect(Math.max(...counts)).toBeLessThan(160);
    expect(Math.min(...counts)).toBeGreaterThan(50);
  });
});
