import { type BodyEncoding, type PayloadFormat, sealEnvelope, topics } from '@vigil/contracts';
import {
  encodeRemoteWrite,
  type SampleBatch,
  type SeriesRegistry,
  splitRemoteWrite,
  type WriteSeries,
} from '@vigil/telemetry';
import { traced } from '../observe/traces.js';
import type { AppendRecord, Log } from './log.js';

/** A payload that was decoded whole and may go into the log. */
export interface DecodedPayload {
  readonly format: PayloadFormat;
  /** Uncompressed. */
  readonly body: Uint8Array;
  /** The same as it came, where it came packed: the log keeps it so. */
  readonly packed?: PackedBody | undefined;
  readonly batch: SampleBatch;
  readonly receivedAtMs: number;
}

export interface PackedBody {
  readonly encoding: BodyEncoding;
  readonly bytes: Uint8Array;
}

/** The topic of samples: how payloads lie in it, in either size. */
export class SampleLog {
  /** @param bySlot whether several processes share the topic, so that series have to go to the partition of their slot. */
  constructor(
    private readonly log: Log,
    private readonly registry: SeriesRegistry,
    private readonly bySlot: boolean,
  ) {}

  /** Resolves when the payload is durable. @throws LogUnavailableError when the log takes nothing at present. */
  async append(payload: DecodedPayload): Promise<void> {
    const records = this.#records(payload);
    await traced('append', { 'vigil.format': payload.format, 'vigil.samples': payload.batch.length }, () =>
      this.log.append(topics.samples, records),
    );
  }

  #records({ format, body, packed, batch, receivedAtMs }: DecodedPayload): AppendRecord[] {
    if (!this.bySlot) {
      // The body as it came; processors of this process use what is decoded already.
      const { encoding, bytes } = packed ?? { encoding: 'identity', bytes: body };
      const value = sealEnvelope({ format, encoding, receivedAtMs, body: bytes });
      return [{ value, decoded: { batch, receivedAtMs } }];
    }
    // Series go to the partition of their slot: every sample of a series meets the same state.
    const partitions = this.log.partitions(topics.samples);
    const wire = format === 'remote-write' ? body : encodeRemoteWrite(seriesOf(batch, this.registry));
    const parts = splitRemoteWrite(wire, this.registry, (slot) => slot % partitions, partitions);
    return parts.flatMap((part, partition) =>
      part === undefined
        ? []
        : [
            {
              partition,
              value: sealEnvelope({ format: 'remote-write', encoding: 'identity', receivedAtMs, body: part }),
            },
          ],
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
