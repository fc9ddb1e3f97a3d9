import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { PayloadFormat } from '@vigil/contracts';
import {
  type KafkaFormat,
  KafkaSourceReader,
  LogUnavailableError,
  Metrics,
  SETTINGS,
  type Settings,
} from '@vigil/platform';
import { DecodeError } from '@vigil/telemetry';
import snappy from 'snappy';
import { IngestService } from './ingest.service.js';

const formats: Record<KafkaFormat, PayloadFormat> = {
  otlp_proto: 'otlp-protobuf',
  otlp_json: 'otlp-json',
  remote_write: 'remote-write',
};

/** Remote write as it is posted is snappy; a WriteRequest itself begins with its first field's tag. */
async function plain(format: PayloadFormat, value: Uint8Array): Promise<Uint8Array> {
  const writeRequestTag = 0x0a;
  if (format !== 'remote-write' || value[0] === writeRequestTag) return value;
  // What is neither is refused by the decoder, with its position.
  return (snappy.uncompress(Buffer.from(value)) as Promise<Buffer>).catch(() => value);
}

/** Reads other people's topics into the log; what cannot be decoded becomes a dead letter, the rest goes on. */
@Injectable()
export class KafkaSourcesService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('kafka-source');
  readonly #readers: KafkaSourceReader[] = [];

  constructor(
    private readonly ingest: IngestService,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly metrics: Metrics,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const lag = this.metrics.gauge('vigil_kafka_source_lag', 'Messages not read yet', ['topic'], (gauge) => {
      for (const reader of this.#readers) gauge.set({ topic: reader.source.topic }, reader.lag());
    });
    void lag;
    for (const source of this.settings.kafkaSources) {
      const format = formats[source.format];
      const reader = new KafkaSourceReader(source, {
        message: async (value, where) => {
          try {
            await this.ingest.accept(format, await plain(format, value));
          } catch (error) {
            if (error instanceof LogUnavailableError) throw error;
            const position = error instanceof DecodeError ? error.position : 0;
            await this.ingest.deadLetter(where, format, value, (error as Error).message, position);
          }
        },
        onError: (error) => this.#logger.warn(error),
      });
      this.#readers.push(reader);
      await reader.start();
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.stop()));
  }
}
