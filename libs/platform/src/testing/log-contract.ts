import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Assignment, Consumption, Log, LogRecord } from '../log/log.js';

export interface LogFixture {
  /** Opens the log over the same data each time. */
  open(): Promise<Log>;
  /** A topic nobody has used yet. */
  topic(): string;
  dispose(): Promise<void>;
}

const text = (record: LogRecord): string => Buffer.from(record.value).toString('utf8');

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`gave up waiting until ${what}`);
}

/** What every Log promises; run on each adapter. */
export function logContract(name: string, fixture: () => Promise<LogFixture>): void {
  describe(`${name} as a Log`, () => {
    let made: LogFixture;
    let log: Log;
    let topic: string;
    const running: Consumption[] = [];

    beforeEach(async () => {
      made = await fixture();
      log = await made.open();
      topic = made.topic();
    });
    afterEach(async () => {
      for (const consumption of running.splice(0)) await consumption.stop();
      await log.close();
      await made.dispose();
    });

    const listen = async (
      group: string,
      from: (assignment: Assignment) => number,
      handle?: (assignment: Assignment, records: readonly LogRecord[]) => Promise<void>,
    ): Promise<{ seen: LogRecord[]; consumption: Consumption }> => {
      const seen: LogRecord[] = [];
      const consumption = await log.consume({
        topic,
        group,
        handlers: {
          assigned: async (assignment) => from(assignment),
          records: async (assignment, records) => {
            await handle?.(assignment, records);
            seen.push(...records);
          },
        },
      });
      running.push(consumption);
      return { seen, consumption };
    };
    const append = (...values: string[]): Promise<void> =>
      log.append(
        topic,
        values.map((value) => ({ value: Buffer.from(value), key: 'k' })),
      );

    it('hands records over in order, from before and after the consumer came', async () => {
      await append('a', 'b');
      const { seen } = await listen('g', () => 0);
      await append('c');
      await append('d', 'e');
      await until(() => seen.length === 5, 'five records came');
      expect(seen.map(text)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(seen.map(({ key }) => key)).toEqual(['k', 'k', 'k', 'k', 'k']);
      const offsets = seen.map(({ offset }) => offset);
      expect([...offsets].sort((a, b) => a - b)).toEqual(offsets);
      expect(new Set(offsets).size).toBe(5);
    });

    it('starts where the consumer says, not where it was', async () => {
      await append('a', 'b', 'c');
      const first = await listen('g', () => 0);
      await until(() => first.seen.length === 3, 'all came');
      const second = first.seen[1]!;
      await first.consumption.stop();
      running.length = 0;
      const { seen } = await listen('g', (assignment) =>
        assignment.partition === second.partition ? second.offset : 0,
      );
      await until(() => seen.length >= 2, 'two came again');
      expect(seen.map(text)).toEqual(['b', 'c']);
    });

    it('gives every group every record', async () => {
      const one = await listen('one', () => 0);
      const two = await listen('two', () => 0);
      await append('a', 'b');
      await until(() => one.seen.length === 2 && two.seen.length === 2, 'both groups saw both');
      expect(one.seen.map(text)).toEqual(two.seen.map(text));
    });

    it('keeps what it acknowledged over a restart', async () => {
      await append('a', 'b');
      await log.close();
      log = await made.open();
      await append('c');
      const { seen } = await listen('g', () => 0);
      await until(() => seen.length === 3, 'old and new came');
      expect(seen.map(text)).toEqual(['a', 'b', 'c']);
    });

    it('hands a batch over again when its handler failed', async () => {
      let failures = 2;
      const { seen } = await listen(
        'g',
        () => 0,
        async () => {
          if (failures-- > 0) throw new Error('the store is down');
        },
      );
      await append('a');
      await until(() => seen.length === 1, 'the record came at last');
      expect(seen.map(text)).toEqual(['a']);
    });

    it('takes many appends at once and loses none', async () => {
      const { seen } = await listen('g', () => 0);
      await Promise.all(Array.from({ length: 200 }, (_, i) => append(`v${i}`)));
      await until(() => seen.length === 200, 'all 200 came');
      expect(new Set(seen.map(text)).size).toBe(200);
    });
  });
}
