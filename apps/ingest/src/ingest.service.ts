import { Injectable } from '@nestjs/common';
import { type PayloadFormat, schemaVersion, topics } from '@vigil/contracts';
import { Clock, decodePayload, Log, Metrics, type PackedBody, SampleLog } from '@vigil/platform';
import { type SampleBatch, SeriesRegistry } from '@vigil/telemetry';

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
  readonly #accepted;
  readonly #bytes;
  readonly #refused;

  constructor(
    private readonly log: Log,
    private readonly samples: SampleLog,
    private readonly registry: SeriesRegistry,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.#accepted = metrics.counter('vigil_ingest_samples_total', 'Samples accepted into the log', ['format']);
    this.#bytes = metrics.counter('vigil_ingest_bytes_total', 'Uncompressed bytes accepted', ['format']);
    this.#refused = metrics.counter('vigil_ingest_refused_total', 'Payloads refused', ['format', 'reason']);
    metrics.gauge('vigil_ingest_series', 'Series known to this process', [], (gauge) => gauge.set(registry.size));
  }

  /**
   * Resolves when the payload is durable.
   * @param body uncompressed bytes.
   * @param packed the same as it came, where it came packed.
   * @throws DecodeError when the payload is broken, LogUnavailableError when the log takes nothing at present.
   */
  async accept(format: PayloadFormat, body: Uint8Array, packed?: PackedBody): Promise<Accepted> {
    const receivedAtMs = this.clock.now();
    let batch: SampleBatch;
    try {
      batch = decodePayload({ format, body }, this.registry);
    } catch (error) {
      this.#refused.inc({ format, reason: 'malformed' });
      throw error;
    }
    if (batch.length > 0) {
      try {
        await this.samples.append({ format, body, packed, batch, receivedAtMs });
      } catch (error) {
        this.#refused.inc({ format, reason: 'log-unavailable' });
        throw error;
      }
    }
    this.#accepted.inc({ format }, batch.length);
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
}
