import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chunkPoints, SeriesHistory } from './history.js';

const stepMs = 15_000;

describe(SeriesHistory.name, () => {
  it('gives the last values in order, with NaN in the gaps, whatever their order of arrival', () => {
    const history = new SeriesHistory(stepMs, 4);
    for (const step of [1_003, 1_000, 1_001]) history.add(step * stepMs, step);
    expect([...history.last(4)]).toEqual([1_000, 1_001, NaN, 1_003]);
    expect([...history.last(2)]).toEqual([NaN, 1_003]);
    expect(history.newestMs).toBe(1_003 * stepMs);
  });

  it('holds what a plain map holds of its newest chunks, also after a restore', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1_500 }), fc.double({ noNaN: true }))), (points) => {
        const history = new SeriesHistory(stepMs, 3);
        const model = new Map<number, number>();
        for (const [step, value] of points) {
          const newest = Math.max(-1, ...model.keys());
          if (Math.floor(step / chunkPoints) > Math.floor(newest / chunkPoints) - 3) model.set(step, value);
          history.add(step * stepMs, value);
        }
        const newest = Math.max(-1, ...model.keys());
        const restored = new SeriesHistory(stepMs, 3);
        for (const [index, bytes] of history.dirtyChunks()) restored.restore(index, bytes);
        for (const each of [history, restored]) {
          const values = each.last(3 * chunkPoints);
          values.forEach((value, i) => expect(value).toBe(model.get(newest - values.length + 1 + i) ?? NaN));
        }
        expect(restored.dirtyChunks().size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('writes only the chunks that changed', () => {
    const history = new SeriesHistory(stepMs, 4);
    history.add(10 * stepMs, 1);
    history.add((chunkPoints + 10) * stepMs, 1);
    history.markClean();
    history.add((chunkPoints + 11) * stepMs, 1);
    expect([...history.dirtyChunks().keys()]).toEqual([1]);
  });

  it('refuses a chunk of another length', () => {
    expect(() => new SeriesHistory(stepMs, 4).restore(0, new Uint8Array(7))).toThrow('2048 bytes, this one 7');
  });
});
