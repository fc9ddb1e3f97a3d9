import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { settingsSchema } from '@vigil/platform';
import { encodeRemoteWrite } from '@vigil/telemetry';
import { type HttpTarget, httpTarget } from './real/http-target.js';
import { until } from './real/process.js';
import { describeWith, programs, type Service, startAlertmanager } from './real/services.js';
import { sloOf, VigilProcess } from './real/vigil.js';

/** Alertmanager's webhook payload, as far as this spec reads it. */
interface Notification {
  readonly version: string;
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[];
}

const forwarding = {
  name: 'VIGIL_ALERTMANAGER_URL',
  found: 'VIGIL_ALERTMANAGER_URL' in settingsSchema.shape ? 'known' : undefined,
  hint: 'this Vigil cannot forward alerts yet',
};

/** One scrape: 20 requests a second, of which half fail between the two times. */
function scrape(atMs: number, startMs: number, failsFromMs: number, failsToMs: number): Uint8Array {
  const failed = (10 * Math.max(0, Math.min(atMs, failsToMs) - failsFromMs)) / 1_000;
  const all = (20 * (atMs - startMs)) / 1_000;
  return encodeRemoteWrite(
    Object.entries({ '200': all - failed, '500': failed }).map(([code, value]) => ({
      labels: { __name__: 'http_requests_total', job: 'shop', code },
      samples: [{ timestampMs: atMs, value }],
    })),
  );
}

describeWith([programs.alertmanager, forwarding], 'a real Alertmanager', () => {
  const notifications: Notification[] = [];
  let receiver: HttpTarget | undefined;
  let alertmanager: Service | undefined;
  let vigil: VigilProcess | undefined;
  beforeAll(async () => {
    receiver = await httpTarget((_request, body) => {
      notifications.push(JSON.parse(body) as Notification);
      return '';
    });
    alertmanager = await startAlertmanager(`
route: { receiver: team, group_by: [alertname, slo, window], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: team, webhook_configs: [{ url: '${receiver.url}/', send_resolved: true }] }]
`);
    vigil = await VigilProcess.start(sloOf('shop').replace('target: 0.9', 'target: 0.99'), {
      VIGIL_ALERTMANAGER_URL: alertmanager.address,
    });
  });
  afterAll(async () => {
    await vigil?.dispose();
    await alertmanager?.stop();
    await receiver?.close();
  });

  it("passes Vigil's alert on to its own receiver", async () => {
    const startMs = Date.now() - 240_000;
    const [failsFromMs, failsToMs] = [startMs + 60_000, startMs + 240_000];
    for (let atMs = startMs; atMs <= failsToMs; atMs += 5_000) {
      await vigil!.write(scrape(atMs, startMs, failsFromMs, failsToMs));
    }
    const arrived = await until(
      'the page arrived',
      () => Promise.resolve(notifications.flatMap(({ alerts }) => alerts)),
      // Scrapes are further apart than the shortest pair's window is long: the next one pages.
      (alerts) => alerts.some(({ labels }) => labels['severity'] === 'page'),
      30_000,
    );
    expect(notifications[0]).toMatchObject({ version: '4', status: 'firing' });
    const page = arrived.find(({ labels }) => labels['severity'] === 'page')!;
    expect(page.labels).toMatchObject({ alertname: 'ErrorBudgetBurn', slo: 'shop', service: 'shop' });

    // Alertmanager itself knows it too, under the labels that Vigil gave it.
    const query = new URL('/api/v2/alerts?filter=slo%3D%22shop%22', alertmanager!.address);
    const held = (await (await fetch(query)).json()) as { labels: Record<string, string>; generatorURL: string }[];
    expect(held.some(({ labels }) => labels['window'] === page.labels['window'])).toBe(true);
    expect(held[0]!.generatorURL).toMatch(/^http/);
  });
});
