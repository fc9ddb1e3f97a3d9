import { join } from 'node:path';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { topics } from '@vigil/contracts';
import { ProcessGroups } from '@vigil/remediation';
import { SeriesRegistry } from '@vigil/telemetry';
import type { RootDatabase } from 'lmdb';
import type { Settings } from '../config/settings.js';
import { EmbeddedLog } from '../log/embedded-log.js';
import { KafkaLog } from '../log/kafka-log.js';
import { openEnvironment } from '../log/lmdb-environment.js';
import { Log } from '../log/log.js';
import { SampleLog } from '../log/sample-log.js';
import { Metrics } from '../observe/metrics.js';
import { Outgoing } from '../outgoing/outgoing.js';
import { LocalProcessGroups } from '../processes/local-process-group.js';
import { RelationalStore } from '../relational/relational-store.js';
import { LmdbStateStore } from '../state/lmdb-state-store.js';
import { PostgresStateStore } from '../state/postgres-state-store.js';
import { StateStore } from '../state/state-store.js';
import { Tensor, TensorWorker } from '../tensor/tensor.js';
import { lockFolder } from './folder-lock.js';
import { Health } from './health.js';
import { SelfUrl } from './self-url.js';

/** Token of the settings, parsed once at start. */
export const SETTINGS = Symbol('settings');

/** Wall clock in ms; the only place where services get the time from. */
export class Clock {
  now(): number {
    return Date.now();
  }
}

/** Everything a service stands on, opened in order and closed in reverse. */
export class Foundation {
  private constructor(
    readonly settings: Settings,
    readonly log: Log,
    readonly state: StateStore,
    readonly relational: RelationalStore,
    private readonly closers: (() => Promise<void>)[],
  ) {}

  static async open(
    settings: Settings,
    clock: Clock,
    say: (line: string) => void = () => undefined,
  ): Promise<Foundation> {
    const closers: (() => Promise<void>)[] = [];
    try {
      if (settings.kafka !== undefined && settings.databaseUrl !== undefined) {
        const relational = await RelationalStore.open({ databaseUrl: settings.databaseUrl });
        closers.push(() => relational.close());
        const log = await KafkaLog.connect({
          brokers: settings.kafka.brokers,
          clientId: 'vigil',
          partitions: settings.kafka.partitions,
          topics: Object.values(topics),
        });
        closers.push(() => log.close());
        return new Foundation(settings, log, new PostgresStateStore(relational), relational, closers);
      }
      const unlock = lockFolder(settings.dataDir);
      closers.push(async () => unlock());
      const environment: RootDatabase = openEnvironment(settings.dataDir);
      closers.push(() => environment.close());
      const log = new EmbeddedLog(environment, {
        maxBytes: settings.logMaxBytes,
        keepMs: settings.logKeepMs,
        now: () => clock.now(),
      });
      closers.push(() => log.close());
      say('preparing the store');
      const relational = await RelationalStore.open(
        settings.databaseUrl === undefined
          ? { dataDir: join(settings.dataDir, 'store') }
          : { databaseUrl: settings.databaseUrl },
      );
      closers.push(() => relational.close());
      return new Foundation(settings, log, new LmdbStateStore(environment), relational, closers);
    } catch (error) {
      for (const close of closers.reverse()) await close().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }
}

@Global()
@Module({})
export class PlatformModule {
  static with(foundation: Foundation, clock: Clock): DynamicModule {
    const registry = new SeriesRegistry();
    const samples = new SampleLog(foundation.log, registry, foundation.settings.kafka !== undefined);
    const providers = [
      { provide: SETTINGS, useValue: foundation.settings },
      { provide: Clock, useValue: clock },
      { provide: Log, useValue: foundation.log },
      { provide: StateStore, useValue: foundation.state },
      { provide: RelationalStore, useValue: foundation.relational },
      { provide: Outgoing, useValue: new Outgoing(foundation.settings.outgoingAllow) },
      { provide: SeriesRegistry, useValue: registry },
      { provide: SampleLog, useValue: samples },
      { provide: Metrics, useValue: new Metrics() },
      { provide: Health, useValue: new Health(clock.now()) },
      { provide: SelfUrl, useValue: new SelfUrl(foundation.settings) },
      { provide: Tensor, useValue: new TensorWorker() },
      { provide: ProcessGroups, useValue: new LocalProcessGroups() },
    ];
    return { module: PlatformModule, global: true, providers, exports: providers.map(({ provide }) => provide) };
  }
}
