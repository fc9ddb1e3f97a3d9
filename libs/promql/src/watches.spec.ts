import { describe, expect, it } from '@jest/globals';
import { parseWatches } from './watches.js';

const watch = (spec: string, name = 'latency'): string =>
  `apiVersion: vigil/v1\nkind: Watch\nmetadata: { name: ${name} }\nspec:\n  service: shop\n${spec}`;

describe(parseWatches.name, () => {
  it('reads a query, its step and the capacity it is measured against', () => {
    const { watches, errors } = parseWatches(
      watch("  query: 'sum(rate(hits_total[10s]))'\n  step: 1s\n  capacity: { perReplica: 50, max: 6 }\n"),
      'w.yaml',
    );
    expect(errors).toEqual([]);
    expect(watches).toMatchObject([
      {
        name: 'latency',
        stepMs: 1_000,
        direction: 'both',
        query: { kind: 'aggregate', op: 'sum' },
        capacity: { perReplica: 50, targetUtilisation: 0.6, min: 1, max: 6 },
      },
    ]);
  });

  it('hashes content, not layout', () => {
    const [one] = parseWatches(watch('  query: up\n  step: 1s\n'), 'a').watches;
    const [two] = parseWatches(watch('  step: "1s"\n  query: up # the same\n'), 'b').watches;
    expect(one!.documentHash).toBe(two!.documentHash);
  });

  it.each([
    { what: 'a query that does not parse', spec: "  query: 'sum('\n", path: 'spec.query' },
    { what: 'a query that does not run as a stream', spec: "  query: 'topk(3, up)'\n", path: 'spec.query' },
    { what: 'a step below a second', spec: '  query: up\n  step: 10ms\n', path: 'spec.step' },
    {
      what: 'min above max',
      spec: '  query: up\n  capacity: { perReplica: 1, min: 3, max: 2 }\n',
      path: 'spec.capacity.max',
    },
    { what: 'an unknown field', spec: '  query: up\n  steps: 1s\n', path: 'spec' },
  ])('refuses $what and takes the others', ({ spec, path }) => {
    const { watches, errors } = parseWatches([watch(spec), watch('  query: up\n', 'other')].join('\n---\n'), 'w.yaml');
    expect(watches.map(({ name }) => name)).toEqual(['other']);
    expect(errors).toMatchObject([{ file: 'w.yaml', path }]);
  });
});
