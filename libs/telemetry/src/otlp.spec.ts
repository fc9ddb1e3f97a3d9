import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import { DecodeError } from './decode-error.js';
import { labelsToString } from './labels.js';
import { decodeOtlpJson } from './otlp-json.js';
import { prometheusLabelName, prometheusName } from './otlp-names.js';
import { decodeOtlpProtobuf } from './otlp-protobuf.js';
import { SeriesRegistry } from './series-registry.js';
import type { SampleBatch } from './model.js';

const nano = (ms: number): string => `${ms}000000`;
const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });

/** A request as a shop's SDK sends it: counter, gauge and histogram of one service. */
const request = {
  resourceMetrics: [
    {
      resource: { attributes: [attribute('service.name', 'checkout'), attribute('service.instance.id', 'c-1')] },
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'http.requests',
              sum: {
                aggregationTemporality: 2,
                isMonotonic: true,
                dataPoints: [
                  {
                    attributes: [attribute('code', '200')],
                    startTimeUnixNano: nano(1_000),
                    timeUnixNano: nano(5_000),
                    asInt: '7',
                  },
                ],
              },
            },
            { name: 'queue.depth', gauge: { dataPoints: [{ timeUnixNano: nano(5_000), asDouble: 2.5 }] } },
            {
              name: 'http.server.request.duration',
              unit: 's',
              histogram: {
                aggregationTemporality: 2,
                dataPoints: [
                  {
                    startTimeUnixNano: nano(1_000),
                    timeUnixNano: nano(5_000),
                    count: '6',
                    sum: 1.5,
                    bucketCounts: ['1', '2', '3'],
                    explicitBounds: [0.1, 0.3],
                  },
                ],
              },
            },
          ],
        },
      ],
    },
  ],
};

const expected = {
  'http_requests_total{code="200",instance="c-1",job="checkout"}': 7,
  'queue_depth{instance="c-1",job="checkout"}': 2.5,
  'http_server_request_duration_seconds_bucket{instance="c-1",job="checkout",le="0.1"}': 1,
  'http_server_request_duration_seconds_bucket{instance="c-1",job="checkout",le="0.3"}': 3,
  'http_server_request_duration_seconds_bucket{instance="c-1",job="checkout",le="+Inf"}': 6,
  'http_server_request_duration_seconds_count{instance="c-1",job="checkout"}': 6,
  'http_server_request_duration_seconds_sum{instance="c-1",job="checkout"}': 1.5,
};

function table(batch: SampleBatch, registry: SeriesRegistry): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: batch.length }, (_, i) => [labelsToString(registry.labels(batch.ids[i]!)), batch.values[i]!]),
  );
}

/** The fields of opentelemetry-proto's metrics.proto that the request uses, for an encoder that is not ours. */
const proto = protobuf
  .parse(
    `
  syntax = "proto3";
  message Request { repeated ResourceMetrics resourceMetrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scopeMetrics = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string stringValue = 1; bool boolValue = 2; int64 intValue = 3; } }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message Metric { string name = 1; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; } }
  message Gauge { repeated Point dataPoints = 1; }
  message Sum { repeated Point dataPoints = 1; int32 aggregationTemporality = 2; bool isMonotonic = 3; }
  message Histogram { repeated HistogramPoint dataPoints = 1; int32 aggregationTemporality = 2; }
  message Point { fixed64 startTimeUnixNano = 2; fixed64 timeUnixNano = 3; oneof value { double asDouble = 4; sfixed64 asInt = 6; } repeated KeyValue attributes = 7; }
  message HistogramPoint { fixed64 startTimeUnixNano = 2; fixed64 timeUnixNano = 3; fixed64 count = 4; optional double sum = 5; repeated fixed64 bucketCounts = 6; repeated double explicitBounds = 7; repeated KeyValue attributes = 9; }
`,
  )
  .root.lookupType('Request');
const encode = (): Uint8Array => proto.encode(proto.fromObject(request)).finish();

describe('OTLP metrics', () => {
  it.each([
    { form: 'JSON', decode: (registry: SeriesRegistry) => decodeOtlpJson(JSON.stringify(request), registry) },
    { form: 'protobuf', decode: (registry: SeriesRegistry) => decodeOtlpProtobuf(encode(), registry) },
  ])('become Prometheus series from $form', ({ decode }) => {
    const registry = new SeriesRegistry();
    const batch = decode(registry);
    expect(table(batch, registry)).toEqual(expected);
    expect(new Set(batch.times)).toEqual(new Set([5_000]));
    const counter = registry.intern({ __name__: 'http_requests_total', code: '200', instance: 'c-1', job: 'checkout' });
    expect(registry.kind(counter)).toBe('counter');
    expect(batch.starts?.[batch.ids.indexOf(counter)]).toBe(1_000);
  });

  it('says at which byte a cut body breaks', () => {
    const body = encode();
    for (let end = 1; end < body.length; end++) {
      try {
        decodeOtlpProtobuf(body.subarray(0, end), new SeriesRegistry());
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }
    expect(() => decodeOtlpProtobuf(body.subarray(0, 40), new SeriesRegistry())).toThrow(/byte \d+/);
  });

  it.each([
    { what: 'text that is no JSON', body: '{', position: /JSON/ },
    { what: 'another shape', body: '{"resourceMetrics":{}}', position: /resourceMetrics/ },
    {
      what: 'a value that is no number',
      body: JSON.stringify(request).replace('"7"', '"seven"'),
      position: /resourceMetrics\[0\].*asInt/,
    },
  ])('refuses $what, naming the place', ({ body, position }) => {
    expect(() => decodeOtlpJson(body, new SeriesRegistry())).toThrow(position);
  });
});

describe('OpenTelemetry-to-Prometheus names', () => {
  // github.com/prometheus/otlptranslator and the compatibility specification.
  it.each([
    { name: 'http.server.duration', unit: 'ms', sum: false, gauge: false, to: 'http_server_duration_milliseconds' },
    { name: 'system.cpu.time', unit: 's', sum: true, gauge: false, to: 'system_cpu_time_seconds_total' },
    { name: 'jobs.total', unit: '1', sum: true, gauge: false, to: 'jobs_total' },
    { name: 'cache.hit', unit: '1', sum: false, gauge: true, to: 'cache_hit_ratio' },
    { name: 'requests', unit: '{request}', sum: true, gauge: false, to: 'requests_total' },
    { name: 'net.io', unit: 'By/s', sum: false, gauge: true, to: 'net_io_bytes_per_second' },
    { name: 'a.b--c', unit: '', sum: false, gauge: false, to: 'a_b_c' },
    { name: '5xx', unit: '', sum: true, gauge: false, to: '_5xx_total' },
  ])('$name in $unit is $to', ({ name, unit, sum, gauge, to }) => {
    expect(prometheusName({ name, unit, isMonotonicSum: sum, isGauge: gauge })).toBe(to);
  });

  it.each([
    { attribute: 'http.method', to: 'http_method' },
    { attribute: '2nd', to: 'key_2nd' },
    { attribute: '_private', to: 'key_private' },
  ])('attribute $attribute is label $to', ({ attribute: name, to }) => {
    expect(prometheusLabelName(name)).toBe(to);
  });
});

const shared = process.env['VIGIL_SHARED'] ?? join('..', 'shared');
const example = join(shared, 'corpus', 'otlp', 'metrics.json');
(existsSync(example) ? describe : describe.skip)(`the OTLP corpus (VIGIL_SHARED)`, () => {
  it('decodes its metrics', () => {
    const registry = new SeriesRegistry();
    const batch = decodeOtlpJson(readFileSync(example), registry);
    const names = new Set(Array.from(batch.ids, (id) => registry.labels(id)['__name__']));
    expect([...names]).toEqual(expect.arrayContaining(['my_counter_total', 'my_gauge_ratio', 'my_histogram_bucket']));
  });

  it('refuses traces sent to the metrics path', () => {
    const traces = readFileSync(join(shared, 'corpus', 'otlp', 'trace.json'));
    expect(() => decodeOtlpJson(traces, new SeriesRegistry())).toThrow(DecodeError);
  });
});
