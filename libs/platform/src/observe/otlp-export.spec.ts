import { describe, expect, it } from '@jest/globals';
import { DataPointType } from '@opentelemetry/sdk-metrics';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { metricData } from './otlp-export.js';

describe(metricData.name, () => {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'sent_total', help: 'sent', labelNames: ['to'], registers }).inc({ to: 'a' }, 3);
  new Gauge({ name: 'left', help: 'left', registers }).set(NaN);
  const seconds = new Histogram({ name: 'seconds', help: 's', buckets: [1, 2], labelNames: ['of'], registers });
  for (const value of [0.5, 1.5, 1.6, 9]) seconds.observe({ of: 'x' }, value);
  const metric = async (name: string) => {
    const all = await registry.getMetricsAsJSON();
    return metricData(all.find((each) => each.name === name) as never, 1_000, 61_500);
  };

  it('says counters as monotonic sums since the start', async () => {
    expect(await metric('sent_total')).toMatchObject([
      {
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: [{ value: 3, attributes: { to: 'a' }, startTime: [1, 0], endTime: [61, 500_000_000] }],
      },
    ]);
  });

  it('leaves out a gauge that is no number', async () => {
    expect(await metric('left')).toMatchObject([{ dataPointType: DataPointType.GAUGE, dataPoints: [] }]);
  });

  it('says a histogram by its own counts', async () => {
    expect(await metric('seconds')).toMatchObject([
      {
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: [
          {
            attributes: { of: 'x' },
            value: { count: 4, sum: 12.6, buckets: { boundaries: [1, 2], counts: [1, 2, 1] } },
          },
        ],
      },
    ]);
  });
});
