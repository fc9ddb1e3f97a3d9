import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import { version } from '../version.js';

const exportMs = 15_000;

/** Vigil's own traces and metrics on their way to an OTLP receiver. */
export interface OtlpExport {
  stop(): Promise<void>;
}

/**
 * Sends Vigil's traces and everything that /metrics says to an OTLP/HTTP receiver. The SDK is loaded here, so that a Vigil
 * that exports nothing does not pay for it. `OTEL_TRACES_SAMPLER` and its like are read by the SDK itself.
 * @param url the receiver's base, such as http://127.0.0.1:4318.
 */
export async function startOtlpExport(url: string, registry: Registry, startMs: number): Promise<OtlpExport> {
  const [{ NodeSDK, resources }, { OTLPTraceExporter }, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/exporter-metrics-otlp-proto'),
  ]);
  const base = url.replace(/\/+$/, '');
  const resource = resources.resourceFromAttributes({ 'service.name': 'vigil', 'service.version': version });
  const producer: MetricProducer = {
    collect: async () => {
      const metrics = await registry.getMetricsAsJSON();
      const at = Date.now();
      const scope = { name: 'vigil', version };
      const data = metrics.flatMap((metric) =>
        metricData(metric as MetricObjectWithValues<MetricValue<string>>, startMs, at),
      );
      return { resourceMetrics: { resource, scopeMetrics: [{ scope, metrics: data }] }, errors: [] };
    },
  };
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    traceExporter: new OTLPTraceExporter({ url: `${base}/v1/traces` }),
    metricReaders: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${base}/v1/metrics` }),
        exportIntervalMillis: exportMs,
        metricProducers: [producer],
      }),
    ],
  });
  sdk.start();
  return { stop: () => sdk.shutdown().catch(() => undefined) };
}

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];

/** One metric of prom-client in OpenTelemetry's words. Summaries are left out: nothing of ours is one. */
export function metricData(
  { name, help, type, values }: Omit<MetricObjectWithValues<MetricValue<string>>, 'aggregator'>,
  startMs: number,
  atMs: number,
): MetricData[] {
  const common = {
    descriptor: { name, description: help, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const point = <Value>(labels: object, value: Value) => ({
    startTime: hrTime(startMs),
    endTime: hrTime(atMs),
    attributes: labels as Record<string, string>,
    value,
  });
  const points = () =>
    values.filter(({ value }) => Number.isFinite(value)).map((each) => point(each.labels, each.value));
  // The library's types say an enum, its answers say the words.
  switch (String(type)) {
    case 'counter':
      return [{ ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() }];
    case 'gauge':
      return [{ ...common, dataPointType: DataPointType.GAUGE, dataPoints: points() }];
    case 'histogram':
      return [
        {
          ...common,
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: histograms(values).map(({ labels, ...value }) => point(labels, value)),
        },
      ];
    default:
      return [];
  }
}

interface HistogramValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly buckets: { readonly boundaries: number[]; readonly counts: number[] };
  readonly sum: number;
  readonly count: number;
}

/** Puts the flat values of a histogram together again, cumulative buckets made counts of their own. */
function histograms(values: readonly (MetricValue<string> & { metricName?: string })[]): HistogramValue[] {
  const groups = new Map<
    string,
    { labels: Record<string, string | number>; le: [number, number][]; sum: number; count: number }
  >();
  for (const { labels, value, metricName = '' } of values) {
    const { le, ...rest } = labels as Record<string, string | number>;
    const key = JSON.stringify(Object.entries(rest).sort());
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { labels: rest, le: [], sum: 0, count: 0 }));
    if (metricName.endsWith('_sum')) group.sum = value;
    else if (metricName.endsWith('_count')) group.count = value;
    else if (le !== undefined) group.le.push([le === '+Inf' ? Infinity : Number(le), value]);
  }
  return [...groups.values()].map(({ labels, le, sum, count }) => {
    const sorted = le.sort(([a], [b]) => a - b);
    return {
      labels,
      sum,
      count,
      buckets: {
        boundaries: sorted.map(([bound]) => bound).filter(Number.isFinite),
        counts: sorted.map(([, below], i) => below - (sorted[i - 1]?.[1] ?? 0)),
      },
    };
  });
}
