import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Signal, signalSchema, type SloHistory, type SloStatus, topics } from '@vigil/contracts';
import type { WriteSeries } from '@vigil/telemetry';
import { checkoutSlo } from './lib/checkout-slo.js';
import { eventually, RunningVigil } from './lib/running-vigil.js';

const seriesAt = (second: number, failing: boolean, base: number): WriteSeries[] =>
  ['200', '500'].map((code) => ({
    labels: { __name__: 'http_requests_total', job: 'checkout', code },
    samples: [
      {
        timestampMs: base + second * 1_000,
        // 20 requests a second; from second 60 on half of them fail, where asked.
        value:
          code === '200'
            ? 20 * second - (failing ? 10 * Math.max(0, second - 60) : 0)
            : failing
              ? 10 * Math.max(0, second - 60)
              : 0,
      },
    ],
  }));

describe('an SLO', () => {
  const secret = 'a secret of the test';
  const vigil = new RunningVigil((folder) => ({
    VIGIL_SLOS: join(folder, 'slos'),
    VIGIL_ALERTING: join(folder, 'alerting.yaml'),
    VIGIL_HMAC_SECRET: secret,
  }));
  const slos = join(vigil.folder, 'slos');
  mkdirSync(slos);
  writeFileSync(join(slos, 'checkout.yaml'), checkoutSlo);
  writeFileSync(join(slos, 'broken.yaml'), 'apiVersion: openslo/v1\nkind: SLO\nmetadata: { name: Broken }\nspec: {}\n');
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  // Refuses the first delivery: the second must carry the same key.
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(received.length === 1 ? 503 : 200).end();
    });
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as { port: number };
    writeFileSync(
      join(vigil.folder, 'alerting.yaml'),
      `route: { receiver: team, group_by: [slo], group_wait: 0s, group_interval: 1s }\nreceivers: [{ name: team, webhook_configs: [{ url: 'http://127.0.0.1:${port}/' }] }]\n`,
    );
    await vigil.start();
  });
  afterAll(async () => {
    await vigil.dispose();
    receiver.close();
  });
  const settled = (total: number): Promise<SloStatus> =>
    eventually(
      () => vigil.get<SloStatus>('/api/v1/slos/checkout-availability'),
      (status) => status.total >= total,
    );

  it('counts exactly what was sent, over a restart, whatever is sent twice or out of order', async () => {
    const base = Math.floor(Date.now() / 1_000) * 1_000 - 200_000;
    expect((await vigil.get<{ items: SloStatus[] }>('/api/v1/slos')).items).toHaveLength(1);
    for (let s = 0; s <= 60; s++) await vigil.send(seriesAt(s, true, base));
    await vigil.send([...seriesAt(63, true, base), ...seriesAt(61, true, base), ...seriesAt(62, true, base)]);
    for (let s = 58; s <= 66; s++) await vigil.send(seriesAt(s, true, base));
    expect(await settled(66 * 20)).toMatchObject({ good: 66 * 20 - 60, total: 66 * 20, target: 0.99 });

    await vigil.restart();
    for (let s = 64; s <= 100; s++) await vigil.send(seriesAt(s, true, base));
    const status = await settled(2_000);
    expect(status).toMatchObject({ good: 1_600, total: 2_000 });
    // 20 % failed against 1 % allowed: the budget of these events is overspent 19 times.
    expect(status.budgetRemaining).toBeCloseTo(-19, 9);
    const history = await vigil.get<SloHistory>('/api/v1/slos/checkout-availability/history?points=100');
    expect(history.points.reduce((sum, { total }) => sum + total, 0)).toBe(2_000);
    expect(history.points.at(-1)!.budgetRemaining).toBeCloseTo(-19, 9);
  });

  it('pages by deterministic signals when both windows of a pair burn', async () => {
    const signals = await eventually(
      async () => (await vigil.readTopic(topics.signals)).map((signal): Signal => signalSchema.parse(signal)),
      (each) => each.some(({ data }) => data.labels['window'] === '1h/5m'),
    );
    const page = signals.find(({ data }) => data.labels['window'] === '1h/5m')!;
    expect(page.id).toMatch(/^burn:checkout-availability:1h\/5m:\d+:firing$/);
    expect(page.data).toMatchObject({ kind: 'burn', status: 'firing', severity: 'page' });
    expect(page.data.evidence['burnLong']).toBeGreaterThan(14.4);
    expect(page.data.provenance.documentHash).toMatch(/^[0-9a-f]{16}$/);
    expect(new Set(signals.map(({ id }) => id)).size).toBe(signals.length);
  });

  it('reaches a webhook, signed, and under one key until it is taken', async () => {
    for (let i = 0; i < 400 && received.length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    const [refused, taken] = received;
    expect(taken!.body).toBe(refused!.body);
    expect(taken!.headers['idempotency-key']).toBe(refused!.headers['idempotency-key']);
    expect(JSON.parse(taken!.body)).toMatchObject({
      version: '4',
      status: 'firing',
      receiver: 'team',
      groupLabels: { slo: 'checkout-availability' },
    });
    const [, timeMs, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(taken!.headers['x-vigil-signature']))!;
    expect(createHmac('sha256', secret).update(`${timeMs}.${taken!.body}`).digest('hex')).toBe(signature);
    const { items } = await vigil.get<{ items: { status: string }[] }>('/api/v1/alerts');
    expect(items.some(({ status }) => status === 'firing')).toBe(true);
  });

  it('is told of itself in metrics, and an unknown one in words', async () => {
    const metrics = await (await vigil.fetch('/metrics')).text();
    expect(metrics).toMatch(/^vigil_slo_window_events\{slo="checkout-availability",service="checkout"\} 2000$/m);
    expect(metrics).toMatch(/^vigil_slo_document_errors [1-9]/m);
    const answer = await vigil.fetch('/api/v1/slos/nothing');
    expect(answer.status).toBe(404);
    expect(((await answer.json()) as { detail: string }).detail).toMatch(/checkout-availability/);
  });
});
