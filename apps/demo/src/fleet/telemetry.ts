import { type Histogram, metrics } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK, resources } from '@opentelemetry/sdk-node';
import { latencyBuckets } from '../shop.js';
import type { Role } from './role.js';

const exportMs = 1_000;

export interface Telemetry {
  /** Seconds from a request's arrival to its answer, by status code: OpenTelemetry's semantic convention. */
  readonly duration: Histogram;
  gauge(name: string, unit: string, read: () => number): void;
  shutdown(): Promise<void>;
}

/** OpenTelemetry's SDK as any service would use it: metrics by OTLP once a second. */
export function startTelemetry({ role, instance, vigil }: Role): Telemetry {
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({ 'service.name': role, 'service.instance.id': instance }),
    metricReaders: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${vigil}/v1/metrics`, timeoutMillis: 900 }),
        exportIntervalMillis: exportMs,
        exportTimeoutMillis: exportMs,
      }),
    ],
    autoDetectResources: false,
  });
  sdk.start();
  const meter = metrics.getMeter('shop');
  return {
    duration: meter.createHistogram('http.server.request.duration', {
      unit: 's',
      advice: { explicitBucketBoundaries: latencyBuckets },
    }),
    gauge: (name, unit, read) =>
      meter.createObservableGauge(name, { unit }).addCallback((result) => result.observe(read())),
    shutdown: () => sdk.shutdown(),
  };
}
