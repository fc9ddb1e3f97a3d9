import { decodePayload, type SampleLog } from '@vigil/platform';
import { errorRatio, errorRatioSeries, type EventCounts, type SloDefinition } from '@vigil/slo';
import { encodeRemoteWrite, type SeriesRegistry, type WriteSeries } from '@vigil/telemetry';

type Points = { timestampMs: number; value: number }[];

/**
 * Each SLO's error ratio at each edge of a bucket, written back into the sample log once it is judged: detectors, forecasts and people's
 * own watches read an SLI like any other series, and nobody has to add up its counters again.
 */
export class SliPoints {
  readonly #points = new Map<SloDefinition, Points>();

  constructor(
    private readonly log: SampleLog,
    private readonly registry: SeriesRegistry,
  ) {}

  /** Takes the counts of the last buckets up to `timestampMs`; without events there is no ratio. */
  add(definition: SloDefinition, timestampMs: number, counts: EventCounts): void {
    if (counts.total <= 0) return;
    const points = this.#points.get(definition);
    const point = { timestampMs, value: errorRatio(counts) };
    if (points === undefined) this.#points.set(definition, [point]);
    else points.push(point);
  }

  /** Resolves when all that was taken is in the log; after a failure it is kept for the next turn. */
  async flush(receivedAtMs: number): Promise<void> {
    if (this.#points.size === 0) return;
    const series = [...this.#points].map(([{ name, service }, samples]): WriteSeries => ({
      labels: { __name__: errorRatioSeries, slo: name, service },
      kind: 'gauge',
      samples,
    }));
    const payload = { format: 'remote-write', receivedAtMs, body: encodeRemoteWrite(series) } as const;
    await this.log.append({ ...payload, batch: decodePayload(payload, this.registry) });
    this.#points.clear();
  }
}
