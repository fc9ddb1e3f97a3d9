import { createServer } from 'node:http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import sdk from '@opentelemetry/sdk-node';

/** Requests of one scrape interval by their code. */
export type Requests = Readonly<Record<string, number>>;

/** The OTLP protobuf bodies that OpenTelemetry's own SDK exports while a service counts these requests. */
export async function sdkBodies(job: string, intervals: readonly Requests[]): Promise<Buffer[]> {
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `http://127.0.0.1:${port}/v1/metrics` }),
    exportIntervalMillis: 3_600_000,
  });
  const provider = new MeterProvider({
    resource: sdk.resources.resourceFromAttributes({ 'service.name': job }),
    readers: [reader],
  });
  const counter = provider.getMeter('shop').createCounter('http.requests');
  for (const interval of intervals) {
    for (const [code, count] of Object.entries(interval)) counter.add(count, { code });
    await provider.forceFlush();
    // Two exports of one millisecond would be one sample.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await provider.shutdown();
  await new Promise((resolve) => server.close(resolve));
  return bodies;
}

/** OTLP as JSON: cumulative sums that start when the service does. */
export function jsonBodies(job: string, intervals: readonly Requests[], startMs: number): string[] {
  const sums: Record<string, number> = {};
  return intervals.map((interval, i) => {
    for (const [code, count] of Object.entries(interval)) sums[code] = (sums[code] ?? 0) + count;
    const dataPoints = Object.entries(sums).map(([code, sum]) => ({
      attributes: [{ key: 'code', value: { stringValue: code } }],
      startTimeUnixNano: `${startMs}000000`,
      timeUnixNano: `${startMs + (i + 1) * 1_000}000000`,
      asInt: String(sum),
    }));
    const sum = { aggregationTemporality: 2, isMonotonic: true, dataPoints };
    return JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: job } }] },
          scopeMetrics: [{ metrics: [{ name: 'http.requests', sum }] }],
        },
      ],
    });
  });
}
