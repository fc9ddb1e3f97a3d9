import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeOtlpProtobuf, SeriesRegistry } from '@vigil/telemetry';
import { RunningVigil } from './lib/running-vigil.js';

describe("Vigil's own telemetry", () => {
  const received = new Map<string, Buffer[]>();
  let receiver: Server;
  let vigil: RunningVigil;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const path = request.url ?? '';
        received.set(path, [...(received.get(path) ?? []), Buffer.concat(chunks)]);
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    vigil = new RunningVigil(() => ({ VIGIL_OTLP_EXPORT: `http://127.0.0.1:${port}/` }));
    await vigil.start();
    const parent = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    await vigil.fetch('/health', { headers: parent });
    await vigil.send([{ labels: { __name__: 'up' }, samples: [{ timestampMs: Date.now(), value: 1 }] }]);
    await vigil.dispose();
  });
  afterAll(() => {
    receiver.close();
  });

  it('leaves as traces: a request, within the trace of its caller, and what it did', () => {
    const traces = Buffer.concat(received.get('/v1/traces') ?? []);
    expect(traces.includes('GET /health')).toBe(true);
    expect(traces.includes(Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex'))).toBe(true);
    expect(traces.includes('POST /api/v1/write')).toBe(true);
    expect(traces.includes('append')).toBe(true);
  });

  it('leaves as metrics: what /metrics says', () => {
    const registry = new SeriesRegistry();
    const names = new Set<string | undefined>();
    for (const body of received.get('/v1/metrics') ?? []) {
      const { ids } = decodeOtlpProtobuf(body, registry);
      for (const id of ids) names.add(registry.labels(id)['__name__']);
    }
    expect([...names]).toEqual(expect.arrayContaining(['vigil_ingest_samples_total', 'nodejs_eventloop_lag_seconds']));
  });
});
