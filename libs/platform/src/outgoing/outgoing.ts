import { SpanKind } from '@opentelemetry/api';
import { traced, traceHeaders } from '../observe/traces.js';
import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface OutgoingCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface OutgoingAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The destination is not among VIGIL_OUTGOING_ALLOW. */
export class DestinationRefusedError extends Error {
  readonly code = 'destination-refused';
  constructor(host: string, allowed: readonly string[]) {
    super(`'${host}' is no allowed destination; VIGIL_OUTGOING_ALLOW names ${allowed.join(', ')}`);
    this.name = DestinationRefusedError.name;
  }
}

const answerBytesMax = 256 * 1_024;

/**
 * The one client for calls to the outside: allowed hosts only, the address resolved once and connected to as such,
 * no redirects, a timeout and an answer of bounded size. Retries belong to the outbox that calls it.
 */
export class Outgoing {
  constructor(private readonly allowed: readonly string[]) {}

  /** @throws DestinationRefusedError, or the network's error. */
  call(call: OutgoingCall): Promise<OutgoingAnswer> {
    const target = new URL(call.url);
    const attributes = { 'http.request.method': call.method, 'server.address': target.hostname };
    return traced(
      `${call.method} ${target.hostname}`,
      attributes,
      async (span) => {
        const answer = await this.#call(target, call);
        span.setAttribute('http.response.status_code', answer.status);
        return answer;
      },
      SpanKind.CLIENT,
    );
  }

  async #call(
    target: URL,
    { method, headers = {}, body, timeoutMs = 10_000, signal }: OutgoingCall,
  ): Promise<OutgoingAnswer> {
    if (target.protocol !== 'http:' && target.protocol !== 'https:')
      throw new DestinationRefusedError(target.protocol, ['http:', 'https:']);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    if (!this.allowed.includes(host)) throw new DestinationRefusedError(host, this.allowed);
    const { address, family } = await lookup(host);
    const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const limit = AbortSignal.timeout(timeoutMs);
    const payload = body === undefined ? undefined : Buffer.from(body as string);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        target,
        {
          method,
          headers: {
            ...traceHeaders(),
            ...headers,
            ...(payload === undefined ? {} : { 'content-length': String(payload.length) }),
          },
          signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
          // What was checked is what is connected to, whatever the name resolves to a moment later.
          lookup: (_name, options, callback) =>
            options.all === true ? callback(null, [{ address, family }]) : callback(null, address, family),
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > answerBytesMax)
              outgoing.destroy(new Error(`the answer of ${host} is larger than ${answerBytesMax} bytes`));
            else chunks.push(chunk);
          });
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(
                Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
              ),
              body: Buffer.concat(chunks).toString('utf8'),
            }),
          );
          response.on('error', reject);
        },
      );
      outgoing.on('error', (error) =>
        reject(limit.aborted ? new Error(`${method} ${target.origin} took more than ${timeoutMs} ms`) : error),
      );
      outgoing.end(payload);
    });
  }
}
