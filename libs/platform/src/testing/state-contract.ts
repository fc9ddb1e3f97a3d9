import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FencedError, type StateStore } from '../state/state-store.js';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const plain = (entries: ReadonlyMap<string, Uint8Array>): Record<string, number[]> =>
  Object.fromEntries([...entries].map(([key, value]) => [key, [...value]]));

/** What every StateStore promises; run on each adapter. */
export function stateContract(name: string, open: () => Promise<{ store: StateStore; close(): Promise<void> }>): void {
  describe(`${name} as a StateStore`, () => {
    let store: StateStore;
    let close: () => Promise<void>;
    let n = 0;
    const shardName = (): string => `test/samples/${n++}`;
    const commit = (shard: string, nextOffset: number, puts: Record<string, Uint8Array>, more = {}): Promise<void> =>
      store.commit({ shard, generation: 1, logId: 'L', nextOffset, puts: new Map(Object.entries(puts)), ...more });

    beforeAll(async () => ({ store, close } = await open()));
    afterAll(() => close());

    it('starts an unknown shard at offset 0 with nothing', async () => {
      const { nextOffset, entries } = await store.load(shardName(), 1, 'L');
      expect({ nextOffset, entries: plain(entries) }).toEqual({ nextOffset: 0, entries: {} });
    });

    it('gives back pages and offset of the last commit', async () => {
      const shard = shardName();
      await store.load(shard, 1, 'L');
      await commit(shard, 5, { a: bytes(1), b: bytes(2, 2) });
      await commit(shard, 9, { a: bytes(3), c: bytes() }, { deletes: ['b'] });
      const { nextOffset, entries } = await store.load(shard, 1, 'L');
      expect({ nextOffset, entries: plain(entries) }).toEqual({ nextOffset: 9, entries: { a: [3], c: [] } });
    });

    it('keeps shards apart', async () => {
      const [one, two] = [shardName(), shardName()];
      await store.load(one, 1, 'L');
      await store.load(two, 1, 'L');
      await commit(one, 1, { a: bytes(1) });
      expect(plain((await store.load(two, 1, 'L')).entries)).toEqual({});
    });

    it('refuses a zombie: an owner of an earlier generation writes nothing', async () => {
      const shard = shardName();
      await store.load(shard, 1, 'L');
      await commit(shard, 3, { a: bytes(1) });
      await store.load(shard, 2, 'L');
      await expect(commit(shard, 8, { a: bytes(9) })).rejects.toThrow(FencedError);
      await expect(store.load(shard, 1, 'L')).rejects.toThrow(FencedError);
      const { nextOffset, entries } = await store.load(shard, 2, 'L');
      expect({ nextOffset, entries: plain(entries) }).toEqual({ nextOffset: 3, entries: { a: [1] } });
    });

    it('starts at offset 0 of a recreated log and keeps what was counted', async () => {
      const shard = shardName();
      await store.load(shard, 1, 'L');
      await commit(shard, 7, { a: bytes(1) });
      const { nextOffset, entries } = await store.load(shard, 2, 'another log');
      expect({ nextOffset, entries: plain(entries) }).toEqual({ nextOffset: 0, entries: { a: [1] } });
    });

    it('takes a thousand pages in one commit', async () => {
      const shard = shardName();
      await store.load(shard, 1, 'L');
      const puts = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`p${i}`, bytes(i & 255, i >> 8)]));
      await commit(shard, 1, puts);
      const { entries } = await store.load(shard, 1, 'L');
      expect(entries.size).toBe(1_000);
      expect([...(entries.get('p999') ?? [])]).toEqual([231, 3]);
    });
  });
}
