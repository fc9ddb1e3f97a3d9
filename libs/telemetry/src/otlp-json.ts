import { DecodeError } from './decode-error.js';
import type { SampleBatch } from './model.js';
import {
  type Attributes,
  emitSamples,
  type OtlpMetric,
  type OtlpPoint,
  type OtlpResource,
  temporalities,
  type Temporality,
} from './otlp-emit.js';
import { anyText } from './otlp-protobuf.js';
import type { SeriesRegistry } from './series-registry.js';

type Json = Record<string, unknown>;
const types = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;

/**
 * Decodes an OTLP ExportMetricsServiceRequest in JSON (opentelemetry.io/docs/specs/otlp, JSON Protobuf Encoding): names in
 * lowerCamelCase, 64-bit integers as text or numbers, enums as numbers, unknown fields ignored.
 * @throws DecodeError with the path at fault; then nothing of the body may be used.
 */
export function decodeOtlpJson(body: Uint8Array | string, registry: SeriesRegistry): SampleBatch {
  let parsed: unknown;
  try {
    parsed = JSON.parse(typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new DecodeError(`no JSON: ${(error as Error).message}`, '$');
  }
  const root = object(parsed, '$');
  if (root['resourceMetrics'] === undefined && Object.keys(root).length > 0) {
    throw new DecodeError(`no metrics: expected resourceMetrics, got ${Object.keys(root).slice(0, 3).join(', ')}`, '$');
  }
  const resources = list(root['resourceMetrics'], 'resourceMetrics').map((entry, i): OtlpResource => {
    const path = `resourceMetrics[${i}]`;
    const resource = object(entry, path);
    const scopes = list(resource['scopeMetrics'], `${path}.scopeMetrics`);
    return {
      attributes: attributes(
        object(resource['resource'] ?? {}, `${path}.resource`)['attributes'],
        `${path}.resource.attributes`,
      ),
      metrics: scopes.flatMap((scope, j) => {
        const where = `${path}.scopeMetrics[${j}]`;
        return list(object(scope, where)['metrics'], `${where}.metrics`).flatMap((item, k) =>
          metric(item, `${where}.metrics[${k}]`),
        );
      }),
    };
  });
  return emitSamples(resources, registry);
}

function metric(entry: unknown, path: string): OtlpMetric[] {
  const json = object(entry, path);
  const type = types.find((name) => json[name] !== undefined);
  if (type === undefined) return [];
  const data = object(json[type], `${path}.${type}`);
  const points = list(data['dataPoints'], `${path}.${type}.dataPoints`);
  return [
    {
      name: text(json['name'], `${path}.name`),
      unit: text(json['unit'], `${path}.unit`),
      type,
      temporality: temporality(data['aggregationTemporality'], `${path}.${type}.aggregationTemporality`),
      isMonotonic: data['isMonotonic'] === true,
      points: points.map((item, i) => point(item, `${path}.${type}.dataPoints[${i}]`)),
      position: `${path}.${type}`,
    },
  ];
}

function point(entry: unknown, path: string): OtlpPoint {
  const json = object(entry, path);
  const value = json['asInt'] ?? json['asDouble'];
  const ms = (name: string): number => Math.floor(number(json[name] ?? 0, `${path}.${name}`) / 1e6);
  const numbers = (name: string): number[] =>
    list(json[name], `${path}.${name}`).map((item, i) => number(item, `${path}.${name}[${i}]`));
  return {
    attributes: attributes(json['attributes'], `${path}.attributes`),
    startMs: ms('startTimeUnixNano'),
    timeMs: ms('timeUnixNano'),
    isStale: (number(json['flags'] ?? 0, `${path}.flags`) & 1) === 1,
    ...(value === undefined
      ? {}
      : { value: number(value, `${path}.${json['asInt'] === undefined ? 'asDouble' : 'asInt'}`) }),
    ...(json['count'] === undefined ? {} : { count: number(json['count'], `${path}.count`) }),
    ...(json['sum'] === undefined ? {} : { sum: number(json['sum'], `${path}.sum`) }),
    bucketCounts: numbers('bucketCounts'),
    bounds: numbers('explicitBounds'),
    quantiles: list(json['quantileValues'], `${path}.quantileValues`).map((item, i) => {
      const where = `${path}.quantileValues[${i}]`;
      const { quantile, value: at } = object(item, where);
      return { quantile: number(quantile ?? 0, `${where}.quantile`), value: number(at ?? 0, `${where}.value`) };
    }),
  };
}

function attributes(value: unknown, path: string): Attributes {
  return list(value, path).map((entry, i) => {
    const { key, value: any } = object(entry, `${path}[${i}]`);
    return [text(key, `${path}[${i}].key`), anyText(plain(any, `${path}[${i}].value`, 0))] as const;
  });
}

function plain(value: unknown, path: string, depth: number): unknown {
  if (depth > 16) throw new DecodeError('an attribute nested deeper than 16', path);
  if (value === undefined || value === null) return '';
  const any = object(value, path);
  if (any['arrayValue'] !== undefined) {
    return list(object(any['arrayValue'], path)['values'], path).map((item) => plain(item, path, depth + 1));
  }
  if (any['kvlistValue'] !== undefined)
    return Object.fromEntries(attributes(object(any['kvlistValue'], path)['values'], path));
  return any['stringValue'] ?? any['boolValue'] ?? any['intValue'] ?? any['doubleValue'] ?? any['bytesValue'] ?? '';
}

const temporalityNames: Readonly<Record<string, Temporality>> = {
  AGGREGATION_TEMPORALITY_DELTA: 'delta',
  AGGREGATION_TEMPORALITY_CUMULATIVE: 'cumulative',
};

function temporality(value: unknown, path: string): Temporality {
  // The specification says numbers; some producers write names all the same.
  if (typeof value === 'string' && temporalityNames[value] !== undefined) return temporalityNames[value];
  return temporalities[number(value ?? 0, path)] ?? 'unspecified';
}

function object(value: unknown, path: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new DecodeError('expected an object', path);
  return value as Json;
}

function list(value: unknown, path: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new DecodeError('expected a list', path);
  return value;
}

function text(value: unknown, path: string): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') throw new DecodeError('expected text', path);
  return value;
}

function number(value: unknown, path: string): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (Number.isNaN(parsed)) throw new DecodeError('expected a number', path);
  return parsed;
}
