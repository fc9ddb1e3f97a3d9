import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type HttpTarget, httpTarget } from './real/http-target.js';
import { until } from './real/process.js';
import { describeWith, programs, type Service, startPrometheus } from './real/services.js';
import { random } from './real/shop-counters.js';
import { sloOf, VigilProcess } from './real/vigil.js';

/** A service whose counters move with each scrape, and fall once when it restarts; what it has counted is known. */
class ScrapedShop {
  readonly #next = random(11);
  readonly #values: Record<string, number> = { '200': 5_000, '503': 40 };
  scrapes = 0;
  readonly counted = { good: 0, total: 0 };

  exposition(): string {
    this.scrapes += 1;
    // The first value that Prometheus sees is no increment.
    if (this.scrapes > 1) for (const code of Object.keys(this.#values)) this.#advance(code);
    const lines = Object.entries(this.#values).map(([code, value]) => `http_requests_total{code="${code}"} ${value}`);
    return `# TYPE http_requests_total counter\n${lines.join('\n')}\n`;
  }

  #advance(code: string): void {
    const isRestart = this.scrapes === 6;
    const delta = 1 + Math.floor(this.#next() * 20);
    this.#values[code] = isRestart ? delta : this.#values[code]! + delta;
    this.counted.total += delta;
    if (code === '200') this.counted.good += delta;
  }
}

describeWith([programs.prometheus, programs.promtool], 'a real Prometheus', () => {
  const shop = new ScrapedShop();
  let isOpen = true;
  let target: HttpTarget | undefined;
  let vigil: VigilProcess | undefined;
  let prometheus: Service | undefined;
  beforeAll(async () => {
    target = await httpTarget((_request, _body) => (isOpen ? shop.exposition() : ''));
    vigil = await VigilProcess.start(sloOf('shop'));
    prometheus = await startPrometheus(`
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - { job_name: shop, static_configs: [{ targets: ['127.0.0.1:${target.port}'] }] }
  - { job_name: vigil, static_configs: [{ targets: ['${new URL(vigil.url).host}'] }] }
remote_write:
  - { url: '${vigil.url}/api/v1/write', queue_config: { batch_send_deadline: 500ms } }
`);
  });
  afterAll(async () => {
    await prometheus?.stop();
    await vigil?.dispose();
    await target?.close();
  });

  it('scrapes a service and writes to Vigil, whose counts are the true increments of its counters', async () => {
    const early = await until(
      'some is counted',
      () => vigil!.counts(),
      ({ shop }) => (shop?.total ?? 0) > 0,
    );
    await until(
      'twelve scrapes',
      () => Promise.resolve(shop.scrapes),
      (scrapes) => scrapes >= 12,
    );
    isOpen = false;
    const expected = { shop: { ...shop.counted } };
    expect(await vigil!.settledCounts(expected)).toEqual(expected);
    expect(expected.shop.total).toBeGreaterThan(early['shop']!.total);
  });

  it('scrapes Vigil, whose metrics promtool finds nothing wrong with', async () => {
    const query = new URL(`/api/v1/query?query=vigil_slo_window_events{slo="shop"}`, prometheus!.address);
    const { data } = (await (await fetch(query)).json()) as { data: { result: { value: [number, string] }[] } };
    expect(Number(data.result[0]?.value[1])).toBeGreaterThan(0);
    const input = await (await fetch(new URL('/metrics', vigil!.url))).text();
    const { stderr } = spawnSync(programs.promtool.found!, ['check', 'metrics'], { input, encoding: 'utf8' });
    // The names of Node's own metrics are prom-client's.
    expect(stderr.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_'))).toEqual([]);
  });
});
