import { BatchBuilder } from './batch-builder.js';
import { DecodeError } from './decode-error.js';
import type { Labels, SampleBatch, SeriesKind } from './model.js';
import { labelsOf, prometheusName } from './otlp-names.js';
import type { SeriesRegistry } from './series-registry.js';

/** OTLP metrics as both encodings are read into: numbers in ms and doubles, attributes as text. */
export type Attributes = readonly (readonly [string, string])[];

export interface OtlpPoint {
  readonly attributes: Attributes;
  readonly startMs: number;
  readonly timeMs: number;
  /** Flag bit 1: the series has gone, there is no value. */
  readonly isStale: boolean;
  /** Numbers: the value. Others: undefined. */
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number | undefined;
  readonly bucketCounts?: readonly number[];
  readonly bounds?: readonly number[];
  readonly quantiles?: readonly { readonly quantile: number; readonly value: number }[];
}

export const temporalities = ['unspecified', 'delta', 'cumulative'] as const;
export type Temporality = (typeof temporalities)[number];

export interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly type: 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary';
  readonly temporality: Temporality;
  readonly isMonotonic: boolean;
  readonly points: readonly OtlpPoint[];
  /** Where the metric stands in the payload, for errors. */
  readonly position: number | string;
}

export interface OtlpResource {
  readonly attributes: Attributes;
  readonly metrics: readonly OtlpMetric[];
}

const builder = new BatchBuilder();

/**
 * Turns OTLP into samples of Prometheus series.
 * @throws DecodeError where a metric breaks the data model (opentelemetry.io/docs/specs/otel/metrics/data-model).
 */
export function emitSamples(resources: readonly OtlpResource[], registry: SeriesRegistry): SampleBatch {
  builder.reset();
  for (const { attributes, metrics } of resources) {
    const base = targetLabels(attributes);
    let newestMs = 0;
    for (const metric of metrics) {
      emitMetric(metric, base, registry);
      for (const { timeMs } of metric.points) newestMs = Math.max(newestMs, timeMs);
    }
    emitTargetInfo(attributes, base, newestMs, registry);
  }
  return builder.build();
}

/** `job` is [namespace/]name of the service, `instance` its instance id. */
function targetLabels(attributes: Attributes): Labels {
  const found = new Map(attributes);
  const name = found.get('service.name');
  const namespace = found.get('service.namespace');
  const instance = found.get('service.instance.id');
  const labels: Record<string, string> = {};
  if (name !== undefined && name !== '')
    labels['job'] = namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
  if (instance !== undefined && instance !== '') labels['instance'] = instance;
  return labels;
}

const identifying = new Set(['service.name', 'service.namespace', 'service.instance.id']);

function emitTargetInfo(attributes: Attributes, base: Labels, timeMs: number, registry: SeriesRegistry): void {
  const rest = attributes.filter(([name]) => !identifying.has(name));
  if (rest.length === 0 || Object.keys(base).length === 0 || timeMs === 0) return;
  const id = registry.intern({ ...labelsOf(rest, base), __name__: 'target_info' }, 'gauge');
  builder.add(id, timeMs, 1, 0);
}

function emitMetric(metric: OtlpMetric, base: Labels, registry: SeriesRegistry): void {
  const { type, temporality, isMonotonic, points, position } = metric;
  if (metric.name === '') throw new DecodeError('a metric without a name', position);
  const isCumulativeSum = type === 'sum' && isMonotonic;
  if ((type === 'sum' || type === 'histogram' || type === 'exponentialHistogram') && temporality === 'unspecified') {
    throw new DecodeError(
      `metric '${metric.name}' has no aggregation temporality; allowed: delta, cumulative`,
      position,
    );
  }
  const name = prometheusName({
    name: metric.name,
    unit: metric.unit,
    isMonotonicSum: isCumulativeSum,
    isGauge: type === 'gauge',
  });
  const counting: SeriesKind = temporality === 'delta' ? 'delta' : 'counter';
  const add = (
    labels: Labels,
    suffix: string,
    kind: SeriesKind,
    point: OtlpPoint,
    value: number,
    extra?: Labels,
  ): void => {
    const id = registry.intern({ ...labels, ...extra, __name__: `${name}${suffix}` }, kind);
    builder.add(id, point.timeMs, point.isStale ? Number.NaN : value, kind === 'gauge' ? 0 : point.startMs);
  };
  for (const point of points) {
    const labels = labelsOf(point.attributes, base);
    switch (type) {
      case 'gauge':
        add(labels, '', 'gauge', point, point.value ?? 0);
        break;
      case 'sum':
        add(labels, '', isMonotonic ? counting : temporality === 'delta' ? 'delta' : 'gauge', point, point.value ?? 0);
        break;
      case 'histogram':
        emitHistogram(point, labels, counting, add, metric);
        break;
      case 'exponentialHistogram':
        add(labels, '_count', counting, point, point.count ?? 0);
        if (point.sum !== undefined) add(labels, '_sum', counting, point, point.sum);
        break;
      case 'summary':
        for (const { quantile, value } of point.quantiles ?? []) {
          add(labels, '', 'gauge', point, value, { quantile: String(quantile) });
        }
        add(labels, '_count', 'counter', point, point.count ?? 0);
        add(labels, '_sum', 'counter', point, point.sum ?? 0);
        break;
      default: {
        const unreachable: never = type;
        return unreachable;
      }
    }
  }
}

type Add = (labels: Labels, suffix: string, kind: SeriesKind, point: OtlpPoint, value: number, extra?: Labels) => void;

/** Classic buckets: cumulative counts by upper bound. */
function emitHistogram(
  point: OtlpPoint,
  labels: Labels,
  kind: SeriesKind,
  add: Add,
  { name, position }: OtlpMetric,
): void {
  const bounds = point.bounds ?? [];
  const counts = point.bucketCounts ?? [];
  if (counts.length > 0 && counts.length !== bounds.length + 1) {
    throw new DecodeError(
      `histogram '${name}' has ${counts.length} bucket counts for ${bounds.length} bounds; there must be one more`,
      position,
    );
  }
  let cumulative = 0;
  for (let i = 0; i < bounds.length && i < counts.length; i++) {
    cumulative += counts[i]!;
    add(labels, '_bucket', kind, point, cumulative, { le: formatBound(bounds[i]!) });
  }
  add(labels, '_bucket', kind, point, point.count ?? 0, { le: '+Inf' });
  add(labels, '_count', kind, point, point.count ?? 0);
  if (point.sum !== undefined) add(labels, '_sum', kind, point, point.sum);
}

function formatBound(bound: number): string {
  if (bound === Infinity) return '+Inf';
  if (bound === -Infinity) return '-Inf';
  return String(bound);
}
