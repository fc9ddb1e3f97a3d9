import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { dashboards } from '../dashboards/src/dashboards.js';
import { checkoutSlo } from './lib/checkout-slo.js';
import { eventually, RunningVigil } from './lib/running-vigil.js';
import { describeWith, programs, type Service, startPrometheus } from './real/services.js';

const watch = `
apiVersion: vigil/v1
kind: Watch
metadata: { name: checkout-latency }
spec:
  service: checkout
  query: sum(checkout_load{job="checkout"})
  step: 1s
  capacity: { perReplica: 10, max: 9 }
`;
const runbook = `
apiVersion: vigil/v1
kind: Runbook
metadata: { name: scale-checkout }
spec:
  match: { labels: { service: checkout } }
  steps: [{ scale: { group: checkout, replicas: { by: 1 }, max: 5 } }]
`;

/** Of the variables, as Grafana would fill them in. */
const variables: Readonly<Record<string, string>> = {
  slo: 'checkout-availability',
  service: '.*',
  __rate_interval: '10s',
};

describeWith([programs.prometheus], 'the dashboards on a real Prometheus', () => {
  const running = new RunningVigil((folder) => {
    const write = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    return {
      VIGIL_SLOS: write('slos.yaml', checkoutSlo),
      VIGIL_WATCHES: write('watches.yaml', watch),
      VIGIL_RUNBOOKS: write('runbooks.yaml', runbook),
    };
  });
  let prometheus: Service | undefined;
  let sender: NodeJS.Timeout | undefined;
  let requests = 0;

  const send = async (timestampMs: number): Promise<void> => {
    requests += 20;
    const sample = (name: string, value: number, more: object = {}) => ({
      labels: { __name__: name, job: 'checkout', ...more },
      samples: [{ timestampMs, value }],
    });
    await running.send([
      sample('http_requests_total', requests * 0.98, { code: '200' }),
      sample('http_requests_total', requests * 0.02, { code: '500' }),
      sample('checkout_load', 20 + 5 * Math.sin(timestampMs / 20_000)),
    ]);
  };
  const query = async (expr: string): Promise<{ status: string; error?: string; data?: { result: unknown[] } }> => {
    const filled = expr
      .replaceAll('$__from', String(Date.now() - 300_000))
      .replaceAll(/\$(\w+)/g, (whole, name: string) => variables[name] ?? whole);
    const answer = await fetch(`${prometheus!.address}/api/v1/query?query=${encodeURIComponent(filled)}`);
    return (await answer.json()) as { status: string; error?: string; data?: { result: unknown[] } };
  };

  beforeAll(async () => {
    await running.start();
    for (let s = 300; s >= 1; s--) await send(Date.now() - s * 1_000);
    sender = setInterval(() => void send(Date.now()), 1_000);
    const { host } = new URL(running.vigil.url);
    prometheus = await startPrometheus(
      `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: vigil, static_configs: [{ targets: ['${host}'] }] }]\n`,
    );
    // Advice is computed when it is asked for.
    await running.get('/api/v1/replicas/checkout');
    const scraped = await eventually(
      () => query('count_over_time(vigil_slo_window_events[1m]) > 4').catch(() => ({ data: { result: [] } })),
      ({ data }) => (data?.result.length ?? 0) > 0,
      60,
    );
    expect(scraped.data?.result).toHaveLength(1);
  });
  afterAll(async () => {
    clearInterval(sender);
    await prometheus?.stop();
    await running.dispose();
  });

  it.each(Object.entries(dashboards))('every expression of %s has an answer', async (_file, make) => {
    const { panels } = make() as unknown as { panels: { title: string; targets: { expr: string }[] }[] };
    const silent: string[] = [];
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        // What has just been raised is seen at the next scrape.
        const answer = await eventually(
          () => query(expr),
          ({ status, data }) => status !== 'success' || (data?.result.length ?? 0) > 0,
          3,
        );
        if (answer.status !== 'success') silent.push(`${title}: ${answer.error}: ${expr}`);
        else if (answer.data?.result.length === 0) silent.push(`${title}: no answer: ${expr}`);
      }
    }
    expect(silent).toEqual([]);
  });
});
