import { Inject, Injectable } from '@nestjs/common';
import { type PayloadFormat, schemaVersion, sealEnvelope, topics } from '@vigil/contracts';
import {
  type AppendRecord,
  Clock,
  decodeEnvelope,
  Log,
  Metrics,
  SETTINGS,
  type Settings,
  traced,
} from '@vigil/platform';
import {
  encodeRemoteWrite,
  type SampleBatch,
  SeriesRegistry,
  splitRemoteWrite,
  type WriteSeries,
} from '@vigil/telemetry';

/** What was taken of a payload. */
export interface Accepted {
  readonly samples: number;
}

/**
 * The one door for samples: a payload is decoded whole before anything of it is used, and acknowledged when the log
 * has it. What is broken changes nothing.
 */
@Injectable()
export class IngestService {
  readonly #samples;
  readonly #bytes;
  readonly #refused;

  constructor(
    private readonly log: Log,
    private readonly registry: SeriesRegistry,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
    metrics: Metrics,
  ) {
    this.#samples = metrics.counter('vigil_ingest_samples_total', 'Samples accepted into the log', ['format']);
    this.#bytes = metrics.counter('vigil_ingest_bytes_total', 'Uncompressed bytes accepted', ['format']);
    this.#refused = metrics.counter('vigil_ingest_refused_total', 'Payloads refused', ['format', 'reason']);
    metrics.gauge('vigil_ingest_series', 'Series known to this process', [], (gauge) => gauge.set(registry.size));
  }

  /**
   * Resolves when the payload is durable.
   * @param body uncompressed bytes.
   * @throws DecodeError when the payload is broken, LogUnavailableError when the log takes nothing at present.
   */
  async accept(format: PayloadFormat, body: Uint8Array): Promise<Accepted> {
    const receivedAtMs = this.clock.now();
    let batch: SampleBatch;
    try {
      batch = decodeEnvelope({ format, receivedAtMs, body }, this.registry);
    } catch (error) {
      this.#refused.inc({ format, reason: 'malformed' });
      throw error;
    }
    if (batch.length > 0) {
      try {
        const records = this.#records(format, body, batch, receivedAtMs);
        await traced('append', { 'vigil.format': format, 'vigil.samples': batch.length }, () =>
          this.log.append(topics.samples, records),
        );
      } catch (error) {
        this.#refused.inc({ format, reason: 'log-unavailable' });
        throw error;
      }
    }
    this.#samples.inc({ format }, batch.length);
    this.#bytes.inc({ format }, body.length);
    return { samples: batch.length };
  }

  /** Something of a source could not be read: kept with its reason, so that nothing is lost silently. */
  async deadLetter(
    source: string,
    format: PayloadFormat,
    body: Uint8Array,
    reason: string,
    position: string | number,
  ): Promise<void> {
    this.#refused.inc({ format, reason: 'dead-letter' });
    const letter = {
      schemaVersion,
      source,
      format,
      reason,
      position,
      receivedAt: new Date(this.clock.now()).toISOString(),
      body: Buffer.from(body).toString('base64'),
    };
    await this.log.append(topics.deadLetters, [{ value: Buffer.from(JSON.stringify(letter)), key: source }]);
  }

  #records(format: PayloadFormat, body: Uint8Array, batch: SampleBatch, receivedAtMs: number): AppendRecord[] {
    if (this.settings.kafka === undefined) {
      // The body as it came; processors of this process use what is decoded already.
      return [{ value: sealEnvelope({ format, receivedAtMs, body }), decoded: { batch, receivedAtMs } }];
    }
    // Series go to the partition of their slot: every sample of a series meets the same state.
    const partitions = this.log.partitions(topics.samples);
    const wire = format === 'remote-write' ? body : encodeRemoteWrite(seriesOf(batch, this.registry));
    const parts = splitRemoteWrite(wire, this.registry, (slot) => slot % partitions, partitions);
    return parts.flatMap((part, partition) =>
      part === undefined
        ? []
        : [{ partition, value: sealEnvelope({ format: 'remote-write', receivedAtMs, body: part }) }],
    );
  }
}

/** Groups a batch by series again, kinds and start times included, as remote write carries it. */
function seriesOf(batch: SampleBatch, registry: SeriesRegistry): WriteSeries[] {
  const bySeries = new Map<
    number,
    WriteSeries & { samples: { timestampMs: number; value: number; startMs?: number }[] }
  >();
  for (let i = 0; i < batch.length; i++) {
    const id = batch.ids[i]!;
    let series = bySeries.get(id);
    if (series === undefined) {
      series = { labels: registry.labels(id), kind: registry.kind(id), samples: [] };
      bySeries.set(id, series);
    }
    const startMs = batch.starts?.[i] ?? 0;
    series.samples.push({ timestampMs: batch.times[i]!, value: batch.values[i]!, ...(startMs > 0 ? { startMs } : {}) });
  }
  return [...bySeries.values()];
}
