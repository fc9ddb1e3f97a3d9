import { DecodeError } from './decode-error.js';
import type { SampleBatch } from './model.js';
import {
  type Attributes,
  emitSamples,
  type OtlpMetric,
  type OtlpPoint,
  type OtlpResource,
  temporalities,
} from './otlp-emit.js';
import type { SeriesRegistry } from './series-registry.js';
import { WireCursor, wireBytes, wireFixed64, wireVarint } from './wire.js';

const nanosPerMs = 1e6;

/**
 * Decodes an OTLP ExportMetricsServiceRequest in protobuf (opentelemetry-proto, metrics/v1).
 * @throws DecodeError with the byte at fault; then nothing of the body may be used.
 */
export function decodeOtlpProtobuf(body: Uint8Array, registry: SeriesRegistry): SampleBatch {
  const cursor = new WireCursor(body);
  const resources: OtlpResource[] = [];
  while (cursor.tag()) {
    if (cursor.field === 1) resources.push(within(cursor, 'resource_metrics', readResource));
    else cursor.skip();
  }
  return emitSamples(resources, registry);
}

/** Reads the sub-message at the cursor with `read`, which sees its fields alone. */
function within<Result>(cursor: WireCursor, what: string, read: (cursor: WireCursor) => Result): Result {
  cursor.expect(wireBytes, what);
  const outer = cursor.end;
  cursor.end = cursor.span();
  const result = read(cursor);
  cursor.end = outer;
  return result;
}

function readResource(cursor: WireCursor): OtlpResource {
  let attributes: Attributes = [];
  const metrics: OtlpMetric[] = [];
  while (cursor.tag()) {
    if (cursor.field === 1) attributes = within(cursor, 'resource', (inner) => readAttributes(inner, 1));
    else if (cursor.field === 2) within(cursor, 'scope_metrics', (inner) => readScope(inner, metrics));
    else cursor.skip();
  }
  return { attributes, metrics };
}

function readScope(cursor: WireCursor, metrics: OtlpMetric[]): void {
  while (cursor.tag()) {
    if (cursor.field === 2) {
      const metric = within(cursor, 'metrics', readMetric);
      if (metric !== undefined) metrics.push(metric);
    } else cursor.skip();
  }
}

const dataFields: Readonly<Record<number, OtlpMetric['type']>> = {
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
  10: 'exponentialHistogram',
  11: 'summary',
};
/** Which field of a data point holds its attributes; protobuf numbers differ by type. */
const attributeFields: Readonly<Record<OtlpMetric['type'], number>> = {
  gauge: 7,
  sum: 7,
  histogram: 9,
  exponentialHistogram: 1,
  summary: 7,
};

function readMetric(cursor: WireCursor): OtlpMetric | undefined {
  const position = cursor.at;
  let name = '';
  let unit = '';
  let data: Omit<OtlpMetric, 'name' | 'unit' | 'position'> | undefined;
  while (cursor.tag()) {
    const type = dataFields[cursor.field];
    if (cursor.field === 1 || cursor.field === 3) {
      cursor.expect(wireBytes, cursor.field === 1 ? 'Metric.name' : 'Metric.unit');
      const text = cursor.text();
      if (cursor.field === 1) name = text;
      else unit = text;
    } else if (type !== undefined) data = within(cursor, `Metric.${type}`, (inner) => readData(inner, type));
    else cursor.skip();
  }
  return data === undefined ? undefined : { name, unit, position, ...data };
}

function readData(cursor: WireCursor, type: OtlpMetric['type']): Omit<OtlpMetric, 'name' | 'unit' | 'position'> {
  const points: OtlpPoint[] = [];
  let temporality = 0;
  let isMonotonic = false;
  while (cursor.tag()) {
    if (cursor.field === 1) points.push(within(cursor, 'data_points', (inner) => readPoint(inner, type)));
    else if (cursor.field === 2 && type !== 'gauge' && type !== 'summary') {
      cursor.expect(wireVarint, 'aggregation_temporality');
      temporality = cursor.varint();
    } else if (cursor.field === 3 && type === 'sum') {
      cursor.expect(wireVarint, 'is_monotonic');
      isMonotonic = cursor.varint() !== 0;
    } else cursor.skip();
  }
  return { type, points, isMonotonic, temporality: temporalities[temporality] ?? 'unspecified' };
}

type MutablePoint = { -readonly [Key in keyof OtlpPoint]: OtlpPoint[Key] };

function readPoint(cursor: WireCursor, type: OtlpMetric['type']): OtlpPoint {
  const attributes: [string, string][] = [];
  const point: MutablePoint = { attributes, startMs: 0, timeMs: 0, isStale: false };
  const isNumber = type === 'gauge' || type === 'sum';
  const attributeField = attributeFields[type];
  const flagsField = isNumber || type === 'summary' ? 8 : 10;
  while (cursor.tag()) {
    const { field } = cursor;
    if (field === attributeField) within(cursor, 'attributes', (inner) => attributes.push(readKeyValue(inner)));
    else if (field === 2 || field === 3) {
      cursor.expect(wireFixed64, field === 2 ? 'start_time_unix_nano' : 'time_unix_nano');
      const ms = Math.floor(cursor.fixed64() / nanosPerMs);
      if (field === 2) point.startMs = ms;
      else point.timeMs = ms;
    } else if (field === flagsField) {
      cursor.expect(wireVarint, 'flags');
      point.isStale = (cursor.varint() & 1) === 1;
    } else if (isNumber) readNumberField(cursor, point);
    else readDistributionField(cursor, point, type);
  }
  return point;
}

function readNumberField(cursor: WireCursor, point: MutablePoint): void {
  if (cursor.field === 4) {
    cursor.expect(wireFixed64, 'as_double');
    point.value = cursor.double();
  } else if (cursor.field === 6) {
    cursor.expect(wireFixed64, 'as_int');
    point.value = cursor.sfixed64();
  } else cursor.skip();
}

function readDistributionField(cursor: WireCursor, point: MutablePoint, type: OtlpMetric['type']): void {
  const { field } = cursor;
  if (field === 4) {
    cursor.expect(wireFixed64, 'count');
    point.count = cursor.fixed64();
  } else if (field === 5) {
    cursor.expect(wireFixed64, 'sum');
    point.sum = cursor.double();
  } else if (type === 'histogram' && field === 6) point.bucketCounts = readFixedList(cursor, point.bucketCounts, false);
  else if (type === 'histogram' && field === 7) point.bounds = readFixedList(cursor, point.bounds, true);
  else if (type === 'summary' && field === 6) {
    point.quantiles = [...(point.quantiles ?? []), within(cursor, 'quantile_values', readQuantile)];
  } else cursor.skip();
}

/** Repeated fixed64 or double, packed or one by one. */
function readFixedList(cursor: WireCursor, soFar: readonly number[] | undefined, isDouble: boolean): number[] {
  const list = soFar === undefined ? [] : [...soFar];
  if (cursor.type === wireFixed64) {
    list.push(isDouble ? cursor.double() : cursor.fixed64());
    return list;
  }
  cursor.expect(wireBytes, 'a packed list');
  const start = cursor.at;
  const end = cursor.span();
  if ((end - cursor.at) % 8 !== 0) throw new DecodeError('a packed list of 8-byte numbers has another length', start);
  while (cursor.at < end) list.push(isDouble ? cursor.double() : cursor.fixed64());
  return list;
}

function readQuantile(cursor: WireCursor): { quantile: number; value: number } {
  let quantile = 0;
  let value = 0;
  while (cursor.tag()) {
    if (cursor.field === 1 || cursor.field === 2) {
      cursor.expect(wireFixed64, 'quantile_values');
      const number = cursor.double();
      if (cursor.field === 1) quantile = number;
      else value = number;
    } else cursor.skip();
  }
  return { quantile, value };
}

function readAttributes(cursor: WireCursor, field: number): [string, string][] {
  const attributes: [string, string][] = [];
  while (cursor.tag()) {
    if (cursor.field === field) attributes.push(within(cursor, 'attributes', readKeyValue));
    else cursor.skip();
  }
  return attributes;
}

function readKeyValue(cursor: WireCursor): [string, string] {
  let key = '';
  let value: unknown = '';
  while (cursor.tag()) {
    if (cursor.field === 1) {
      cursor.expect(wireBytes, 'KeyValue.key');
      key = cursor.text();
    } else if (cursor.field === 2) value = within(cursor, 'KeyValue.value', (inner) => readAny(inner, 0));
    else cursor.skip();
  }
  return [key, anyText(value)];
}

const depthMax = 16;

/** An AnyValue as plain data: text, boolean, number, list or mapping. */
function readAny(cursor: WireCursor, depth: number): unknown {
  if (depth > depthMax) throw new DecodeError(`an attribute nested deeper than ${depthMax}`, cursor.at);
  let value: unknown = '';
  while (cursor.tag()) {
    switch (cursor.field) {
      case 1:
        cursor.expect(wireBytes, 'string_value');
        value = cursor.text();
        break;
      case 2:
        cursor.expect(wireVarint, 'bool_value');
        value = cursor.varint() !== 0;
        break;
      case 3:
        cursor.expect(wireVarint, 'int_value');
        value = cursor.int64();
        break;
      case 4:
        cursor.expect(wireFixed64, 'double_value');
        value = cursor.double();
        break;
      case 5:
        value = within(cursor, 'array_value', (inner) => {
          const list: unknown[] = [];
          while (inner.tag()) {
            if (inner.field === 1) list.push(within(inner, 'values', (item) => readAny(item, depth + 1)));
            else inner.skip();
          }
          return list;
        });
        break;
      case 6:
        value = within(cursor, 'kvlist_value', (inner) => Object.fromEntries(readAttributes(inner, 1)));
        break;
      case 7: {
        cursor.expect(wireBytes, 'bytes_value');
        const end = cursor.span();
        value = Buffer.from(cursor.bytes.subarray(cursor.at, end)).toString('base64');
        cursor.at = end;
        break;
      }
      default:
        cursor.skip();
    }
  }
  return value;
}

/** Values other than text become text: numbers and booleans as such, lists and mappings as JSON. */
export function anyText(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
}
