import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Controller, Headers, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { PayloadFormat } from '@vigil/contracts';
import { LogUnavailableError, type PackedBody, ProblemError, SETTINGS, type Settings } from '@vigil/platform';
import { DecodeError, snappyUncompressedLength } from '@vigil/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import snappy from 'snappy';
import { IngestService } from './ingest.service.js';

const inflate = promisify(gunzip);

/** OTLP/HTTP and Prometheus remote write at their usual paths. */
@ApiTags('receivers')
@Controller()
export class ReceiversController {
  constructor(
    private readonly ingest: IngestService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Post('/v1/metrics')
  @HttpCode(200)
  @ApiOperation({ summary: 'OTLP/HTTP metrics, protobuf or JSON, plain or gzip' })
  @ApiConsumes('application/x-protobuf', 'application/json')
  async otlp(
    @Req() request: FastifyRequest,
    @Headers('content-type') contentType: string | undefined,
    @Headers('content-encoding') encoding: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const json = contentType?.startsWith('application/json') === true;
    const body = await this.#plain(request.body as Buffer, encoding, ['gzip', 'identity']);
    await this.#accept(json ? 'otlp-json' : 'otlp-protobuf', body);
    // An empty ExportMetricsServiceResponse: everything was taken.
    void reply.type(json ? 'application/json' : 'application/x-protobuf');
    return json ? {} : Buffer.alloc(0);
  }

  @Post('/api/v1/write')
  @HttpCode(204)
  @ApiOperation({ summary: 'Prometheus remote write 1.0' })
  @ApiConsumes('application/x-protobuf')
  async remoteWrite(
    @Req() request: FastifyRequest,
    @Headers('content-type') contentType: string | undefined,
    @Headers('content-encoding') encoding: string | undefined,
  ): Promise<void> {
    if (contentType !== undefined && /proto=io\.prometheus\.write\.v2/.test(contentType)) {
      throw new ProblemError(
        'unsupported-media-type',
        415,
        'remote write 2.0 is not spoken here yet; send prometheus.WriteRequest (1.0)',
      );
    }
    const body = await this.#plain(request.body as Buffer, encoding ?? 'snappy', ['snappy']);
    await this.#accept('remote-write', body, { encoding: 'snappy', bytes: request.body as Buffer });
  }

  async #plain(
    body: Buffer | undefined,
    encoding: string | undefined,
    allowed: readonly string[],
  ): Promise<Uint8Array> {
    if (!Buffer.isBuffer(body)) throw new ProblemError('empty-body', 400, 'the request has no body');
    const name = encoding ?? 'identity';
    if (!allowed.includes(name)) {
      throw new ProblemError(
        'unsupported-encoding',
        415,
        `content-encoding '${name}' is not supported; allowed: ${allowed.join(', ')}`,
      );
    }
    const max = this.settings.bodyMaxBytes * 4;
    try {
      if (name === 'gzip') return await inflate(body, { maxOutputLength: max });
      if (name !== 'snappy') return body;
      const length = snappyUncompressedLength(body);
      if (length > max)
        throw new ProblemError('body-too-large', 413, `the body would be ${length} bytes; at most ${max}`);
      return (await snappy.uncompress(body)) as Buffer;
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      throw new ProblemError('malformed-body', 400, `the body is no valid ${name}: ${(error as Error).message}`, {
        position: 0,
      });
    }
  }

  async #accept(format: PayloadFormat, body: Uint8Array, packed?: PackedBody): Promise<void> {
    try {
      await this.ingest.accept(format, body, packed);
    } catch (error) {
      if (error instanceof DecodeError) {
        throw new ProblemError('malformed-body', 400, error.message, { position: error.position });
      }
      if (error instanceof LogUnavailableError) {
        // 503, not 429: Prometheus drops what gets 429.
        throw new ProblemError('overloaded', 503, error.message, { retryAfterSeconds: error.retryAfterSeconds });
      }
      throw error;
    }
  }
}
