import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { servedMetrics } from '../dashboards/src/metrics.js';
import { RunningVigil } from './lib/running-vigil.js';

describe('a metric of the dashboards', () => {
  const running = new RunningVigil();
  beforeAll(() => running.start());
  afterAll(() => running.dispose());

  it('is served', async () => {
    const text = await (await running.fetch('/metrics')).text();
    const served = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name}_count`, `${name}_sum`, `${name}_bucket`] : [name!],
    );
    // Nothing is read from Kafka here, and alerts go to no Alertmanager.
    const elsewhere = ['vigil_kafka_source_lag', 'vigil_alertmanager_forwards_total'];
    expect(servedMetrics.filter((name) => !served.includes(name) && !elsewhere.includes(name))).toEqual([]);
  });
});
