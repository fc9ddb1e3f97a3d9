import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { EmbeddedLog } from './embedded-log.js';
import { openEnvironment } from './lmdb-environment.js';
import { LogUnavailableError } from './log.js';

it('a log keeps what is young, drops what is old once all have read it, and counts down to nothing', async () => {
  const path = await mkdtemp(join(tmpdir(), 'vigil-log-'));
  const environment = openEnvironment(path);
  let now = 1_000_000;
  const log = new EmbeddedLog(environment, { maxBytes: 1_000_000, keepMs: 60_000, now: () => now });
  const consume = (group: string, from: number, seen: number[]) =>
    log.consume({
      topic: 't',
      group,
      handlers: {
        assigned: () => Promise.resolve(from),
        records: (_assignment, records) => Promise.resolve(void seen.push(...records.map(({ offset }) => offset))),
      },
    });
  const kept = async (): Promise<number[]> => {
    const seen: number[] = [];
    const consumption = await consume(`look-${now}`, 0, seen);
    while (consumption.lag() > 0) await new Promise((resolve) => setImmediate(resolve));
    await consumption.stop();
    await environment.openDB({ name: 'log-groups', encoding: 'msgpack' }).remove(`t\u0000look-${now}`);
    return seen;
  };
  const reader = await consume('g', 0, []);
  for (let i = 0; i < 130; i++) {
    if (i === 65) now += 50_000;
    await log.append('t', [{ value: new Uint8Array(100) }]);
  }
  await reader.checkpointed(0, 130);
  expect(await kept()).toHaveLength(130);
  now += 20_000;
  await reader.checkpointed(0, 130);
  expect((await kept())[0]).toBe(64);
  now += 60_000;
  await reader.checkpointed(0, 100);
  expect((await kept())[0]).toBe(100);
  await reader.checkpointed(0, 130);
  expect(await kept()).toEqual([]);
  await log.close();
  await environment.close();
  await rm(path, { recursive: true });
});

it('a log that is full of what all have read makes room, however long it was to be kept', async () => {
  const path = await mkdtemp(join(tmpdir(), 'vigil-log-'));
  const environment = openEnvironment(path);
  const log = new EmbeddedLog(environment, { maxBytes: 100_000, keepMs: 3_600_000, now: () => 1_764_000_000_000 });
  let read = 0;
  const consumption = await log.consume({
    topic: 't',
    group: 'g',
    handlers: {
      assigned: () => Promise.resolve(0),
      records: (_assignment, records) => Promise.resolve(void (read = records.at(-1)!.offset + 1)),
    },
  });
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) await log.append('t', [{ value: new Uint8Array(10_000) }]);
  };
  await expect(fill()).rejects.toThrow(LogUnavailableError);
  while (consumption.lag() > 0) await new Promise((resolve) => setImmediate(resolve));
  await consumption.checkpointed(0, read);
  await expect(log.append('t', [{ value: new Uint8Array(10) }])).resolves.toBeUndefined();
  expect(log.trouble()).toBeUndefined();
  await log.close();
  await environment.close();
  await rm(path, { recursive: true });
});
