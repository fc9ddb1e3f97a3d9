import type { ShardProcessor } from '@vigil/platform';
import type { SloEngine } from '@vigil/slo';
import type { SampleBatch, SeriesRegistry } from '@vigil/telemetry';

/** Key of the page that remembers which alerts are open. */
export const alertsPage = 'alerts';

/** State that all shards of this process share, stored with the first of them. */
export interface SharedPage {
  isDirty: boolean;
  write(): Uint8Array;
}

/** One partition's counts, as the host stores them. */
export class SloShard implements ShardProcessor {
  #receivedAtMs = 0;

  constructor(
    readonly engine: SloEngine,
    private readonly registry: SeriesRegistry,
    private readonly alerts: SharedPage | undefined,
  ) {}

  observe(batch: SampleBatch, receivedAtMs: number): void {
    this.engine.observe(batch, this.registry, receivedAtMs);
    this.#receivedAtMs = Math.max(this.#receivedAtMs, receivedAtMs);
  }

  /**
   * How far an SLO can be judged here: to the newest sample of any counter, so that an outage without traffic is seen to
   * end, but not past its arrival, so that one fast clock does not carry all SLOs into an empty future.
   */
  edgeMs(slo: number): number {
    return Math.max(this.engine.newestMs(slo), Math.min(this.engine.watermarkMs, this.#receivedAtMs));
  }

  dirtyPages(): Map<string, Uint8Array> {
    const pages = this.engine.dirtyPages();
    if (this.alerts?.isDirty === true) pages.set(alertsPage, this.alerts.write());
    return pages;
  }

  markClean(): void {
    this.engine.markClean();
    if (this.alerts !== undefined) this.alerts.isDirty = false;
  }

  markDirty(keys: Iterable<string>): void {
    const counted: string[] = [];
    for (const key of keys) {
      if (key !== alertsPage) counted.push(key);
      else if (this.alerts !== undefined) this.alerts.isDirty = true;
    }
    this.engine.markDirty(counted);
  }
}
