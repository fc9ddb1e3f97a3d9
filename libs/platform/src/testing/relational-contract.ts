import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { claimOffset, moveOffset } from '../relational/consumer-offsets.js';
import { type AppendRecord, type Log, LogUnavailableError } from '../log/log.js';
import { LogOutbox } from '../relational/log-outbox.js';
import { audit, enqueue, retryAt, settle, takeDue } from '../relational/outbox.js';
import type { RelationalStore } from '../relational/relational-store.js';
import { FencedError } from '../state/state-store.js';

/** What the relational store promises; run on PGlite and on PostgreSQL. */
export function relationalContract(name: string, open: () => Promise<RelationalStore>): void {
  describe(`${name} as the relational store`, () => {
    let store: RelationalStore;
    beforeAll(async () => (store = await open()));
    afterAll(() => store.close());

    const assignment = (generation: number, topic: string) => ({ topic, partition: 0, generation, logId: 'L' });
    const message = (idempotencyKey: string, channel = 'webhook') => ({
      idempotencyKey,
      channel,
      payload: { n: 1 },
      schemaVersion: 1,
    });

    it('keeps concurrent transactions apart: four of eight rolled back, four committed', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) =>
          store.transaction(async (sql) => {
            await enqueue(sql, message(`tx-${i}`, 'apart'), 0);
            await new Promise((resolve) => setTimeout(resolve, 5));
            if (i % 2 === 1) throw new Error('roll back');
          }),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(4);
      const rows = await store.query<{ idempotency_key: string }>(
        `SELECT idempotency_key FROM outbox WHERE channel = 'apart' ORDER BY idempotency_key`,
      );
      expect(rows.map((row) => row.idempotency_key)).toEqual(['tx-0', 'tx-2', 'tx-4', 'tx-6']);
    });

    it('plans one effect a key, however often it is asked for', async () => {
      expect(await enqueue(store, message('once', 'keys'), 0)).toBe(true);
      expect(await enqueue(store, message('once', 'keys'), 0)).toBe(false);
    });

    it('leases what is due, offers it again when the lease ends, and not once it is settled', async () => {
      await enqueue(store, message('due', 'lease'), 1_000);
      expect(await takeDue(store, ['lease'], 999, 10_000)).toHaveLength(0);
      const [entry] = await takeDue(store, ['lease'], 1_000, 10_000);
      expect(entry).toMatchObject({ idempotencyKey: 'due', payload: { n: 1 }, attempts: 1, createdAtMs: 1_000 });
      expect(await takeDue(store, ['lease'], 5_000, 10_000)).toHaveLength(0);
      const [again] = await takeDue(store, ['lease'], 11_000, 10_000);
      expect(again).toMatchObject({ idempotencyKey: 'due', attempts: 2 });
      await retryAt(store, again!.id, 60_000, 'connection refused');
      expect(await takeDue(store, ['lease'], 30_000, 10_000)).toHaveLength(0);
      const [last] = await takeDue(store, ['lease'], 60_000, 10_000);
      await settle(store, last!.id, 'delivered', 60_001);
      expect(await takeDue(store, ['lease'], 999_999_999, 10_000)).toHaveLength(0);
    });

    it('appends to the log what was decided, once and in order, and waits while the log takes nothing', async () => {
      let full = true;
      const appended: string[] = [];
      const log = {
        append(topic: string, records: readonly AppendRecord[]) {
          if (full) return Promise.reject(new LogUnavailableError('full'));
          appended.push(...records.map(({ value }) => `${topic} ${Buffer.from(value).toString()}`));
          return Promise.resolve();
        },
      } as unknown as Log;
      const outbox = new LogOutbox(store, log, 'to-log');
      const say = (id: string) => outbox.enqueue(store, { id, topic: 't', key: 'k', body: id, schemaVersion: 1 }, 0);
      expect([await say('a'), await say('a'), await say('b')]).toEqual([true, false, true]);
      expect(await outbox.deliver(0)).toBe(0);
      full = false;
      await say('c');
      expect(await outbox.deliver(500)).toBe(0);
      expect(await outbox.deliver(2_000)).toBe(3);
      expect(await outbox.deliver(99_000)).toBe(0);
      expect(appended).toEqual(['t "a"', 't "b"', 't "c"']);
    });

    it('moves an offset with the outbox, or neither', async () => {
      await claimOffset(store, 'alerting', assignment(1, 'both'));
      await expect(
        store.transaction(async (sql) => {
          await enqueue(sql, message('half', 'both'), 0);
          await moveOffset(sql, 'alerting', assignment(1, 'both'), 4);
          throw new Error('killed here');
        }),
      ).rejects.toThrow('killed here');
      expect(await claimOffset(store, 'alerting', assignment(1, 'both'))).toBe(0);
      expect(await takeDue(store, ['both'], 1, 1)).toHaveLength(0);
    });

    it('fences an owner of an earlier generation', async () => {
      await claimOffset(store, 'healing', assignment(1, 'fence'));
      await moveOffset(store, 'healing', assignment(1, 'fence'), 2);
      expect(await claimOffset(store, 'healing', assignment(5, 'fence'))).toBe(2);
      await expect(moveOffset(store, 'healing', assignment(1, 'fence'), 3)).rejects.toThrow(FencedError);
      await expect(claimOffset(store, 'healing', assignment(4, 'fence'))).rejects.toThrow(FencedError);
    });

    it('lets nobody change the audit log', async () => {
      await audit(store, { actor: 'test', action: 'try', target: 'audit', detail: { a: 1 } }, 0);
      await expect(store.query(`UPDATE audit SET actor = 'nobody'`)).rejects.toThrow('append-only');
      await expect(store.query(`DELETE FROM audit`)).rejects.toThrow('append-only');
    });
  });
}
