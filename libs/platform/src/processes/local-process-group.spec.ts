import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { LocalProcessGroup, type ProcessSpec } from './local-process-group.js';

const untilKilled = 'setInterval(() => undefined, 1000)';

describe(LocalProcessGroup.name, () => {
  let group: LocalProcessGroup;
  const started: string[] = [];
  const make = (script: (instance: string) => string, more: Partial<ProcessSpec> = {}): LocalProcessGroup =>
    (group = new LocalProcessGroup({
      name: 'shop',
      command: process.execPath,
      args: (instance) => ['-e', script(instance)],
      env: () => ({}),
      min: 1,
      max: 3,
      ready: async (instance) => void started.push(instance),
      ...more,
    }));
  afterEach(async () => {
    await group.close();
    started.length = 0;
  });

  it('runs as many as are wanted, and names them', async () => {
    make(() => untilKilled);
    await group.scale(3);
    expect(group.instances()).toEqual(['shop-0', 'shop-1', 'shop-2']);
    await group.scale(1);
    expect(group.instances()).toEqual(['shop-0']);
    expect(group.replicas).toBe(1);
  });

  it.each([0, 4, 1.5])('refuses %p replicas and changes nothing', async (replicas) => {
    make(() => untilKilled);
    await group.scale(2);
    await expect(group.scale(replicas)).rejects.toThrow('shop may have 1 to 3 replicas');
    expect(group.replicas).toBe(2);
  });

  it('restarts one under its own name and leaves the others alone', async () => {
    make(() => untilKilled);
    await group.scale(2);
    await group.restart('shop-1');
    expect(started).toEqual(['shop-0', 'shop-1', 'shop-1']);
    await expect(group.restart('cart-1')).rejects.toThrow("'cart-1' does not run; there are shop-0, shop-1");
  });

  it('takes one change at a time: the last one asked for holds', async () => {
    make(() => untilKilled);
    await Promise.all([group.scale(3), group.scale(1), group.scale(2)]);
    expect(group.instances()).toHaveLength(2);
  });

  it('starts one again that ended by itself, and says so', async () => {
    const crashes: string[] = [];
    make(() => 'setTimeout(() => process.exit(137), 300)', { onCrash: (instance) => void crashes.push(instance) });
    await group.scale(1);
    for (let i = 0; i < 100 && started.length < 2; i++) await sleep(50);
    expect(crashes[0]).toBe('shop-0');
    expect(started.slice(0, 2)).toEqual(['shop-0', 'shop-0']);
  });

  it('fails when one ends before it is ready', async () => {
    make(() => 'process.exit(1)', { ready: () => new Promise(() => undefined) });
    await expect(group.scale(1)).rejects.toThrow('shop-0 ended before it was ready');
  });
});
