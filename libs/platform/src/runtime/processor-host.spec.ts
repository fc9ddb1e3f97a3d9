import { describe, expect, it } from '@jest/globals';
import { SeriesRegistry } from '@vigil/telemetry';
import type { Assignment, ConsumeOptions, Consumption } from '../log/log.js';
import { Log } from '../log/log.js';
import { FencedError, type StateCommit, type StateSnapshot, StateStore } from '../state/state-store.js';
import { ProcessorHost, type ShardProcessor } from './processor-host.js';

const assignment: Assignment = { topic: 't', partition: 0, generation: 1, logId: 'L' };

/** A log whose records the test hands over itself. */
class HandLog extends Log {
  handlers: ConsumeOptions['handlers'] | undefined;
  append(): Promise<void> {
    return Promise.resolve();
  }
  consume({ handlers }: ConsumeOptions): Promise<Consumption> {
    this.handlers = handlers;
    return Promise.resolve({
      checkpointed: () => Promise.resolve(),
      lag: () => 0,
      stop: () => Promise.resolve(),
    });
  }
  partitions(): number {
    return 1;
  }
  trouble(): undefined {
    return undefined;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  record(offset: number): Promise<void> {
    const decoded = { batch: undefined, receivedAtMs: 0 };
    const value = new Uint8Array();
    return this.handlers!.records(assignment, [
      { topic: 't', partition: 0, offset, timestampMs: 0, key: undefined, value, decoded },
    ]);
  }
}

class ListStore extends StateStore {
  readonly commits: StateCommit[] = [];
  isFenced = false;
  load(): Promise<StateSnapshot> {
    return Promise.resolve({ nextOffset: 0, entries: new Map() });
  }
  commit(commit: StateCommit): Promise<void> {
    if (this.isFenced) return Promise.reject(new FencedError(commit.shard, 1, 2));
    this.commits.push(commit);
    return Promise.resolve();
  }
}

const shard: ShardProcessor = {
  observe: () => undefined,
  dirtyPages: () => new Map(),
  markClean: () => undefined,
  markDirty: () => undefined,
};

describe(ProcessorHost.name, () => {
  const start = async (afterBatch: () => Promise<void>) => {
    const [log, store] = [new HandLog(), new ListStore()];
    const host = new ProcessorHost({
      name: 'p',
      topic: 't',
      log,
      store,
      registry: new SeriesRegistry(),
      commitMs: 0,
      create: () => shard,
      afterBatch,
      onError: () => undefined,
      now: () => 1,
    });
    await host.start();
    await log.handlers!.assigned(assignment);
    return { log, store, host };
  };

  it('commits nothing before what it raised has been sent', async () => {
    let send = (): void => undefined;
    const { log, store, host } = await start(() => new Promise<void>((resolve) => (send = resolve)));
    const taken = log.record(0);
    await host.commit(true);
    expect(store.commits).toEqual([]);
    send();
    await taken;
    expect(store.commits).toMatchObject([{ nextOffset: 1 }]);
    await host.stop();
  });

  it('commits nothing after a failed sending until the records have been taken again', async () => {
    let isDown = true;
    const { log, store, host } = await start(() => (isDown ? Promise.reject(new Error('down')) : Promise.resolve()));
    await expect(log.record(0)).rejects.toThrow('down');
    await host.commit(true);
    expect(store.commits).toEqual([]);
    isDown = false;
    await log.record(0);
    expect(store.commits).toMatchObject([{ nextOffset: 1 }]);
    await host.stop();
  });

  it('forgets a shard that belongs to somebody else by now, and is well', async () => {
    const { log, store, host } = await start(() => Promise.resolve());
    store.isFenced = true;
    await log.record(0);
    expect(host.shards()).toEqual([]);
    expect(host.trouble()).toBeUndefined();
    await host.stop();
  });
});
