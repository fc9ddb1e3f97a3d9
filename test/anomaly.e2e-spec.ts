import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { normal, seeded } from '@vigil/anomaly';
import {
  type Health,
  type Signal,
  signalSchema,
  topics,
  type WatchedSeries,
  type WatchedSeriesItem,
  type WatchStatus,
} from '@vigil/contracts';
import { RunningVigil } from './lib/running-vigil.js';

const watch = `
apiVersion: vigil/v1
kind: Watch
metadata: { name: checkout-latency, labels: { team: payments } }
spec:
  service: checkout
  description: checkout p95 latency
  query: 'max by (zone) (latency_seconds{job="checkout"})'
  step: 1s
  unit: s
  direction: up
  severity: ticket
`;
const slo = `
apiVersion: openslo/v1
kind: SLO
metadata: { name: checkout, displayName: Checkout }
spec:
  service: checkout
  timeWindow: [{ duration: 6h, isRolling: true }]
  objectives: [{ target: 0.99 }]
  indicator:
    metadata: { name: good }
    spec:
      ratioMetric:
        counter: true
        good: { metricSource: { type: Prometheus, spec: { query: 'sum(rate(hits_total{code="200"}[1m]))' } } }
        total: { metricSource: { type: Prometheus, spec: { query: 'sum(rate(hits_total[1m]))' } } }
`;

describe('an anomaly', () => {
  const vigil = new RunningVigil((folder) => ({
    VIGIL_WATCHES: join(folder, 'watches'),
    VIGIL_SLOS: join(folder, 'slo.yaml'),
  }));
  const watches = join(vigil.folder, 'watches');
  mkdirSync(watches);
  writeFileSync(join(watches, 'checkout.yaml'), watch);
  writeFileSync(join(watches, 'broken.yaml'), 'apiVersion: vigil/v1\nkind: Watch\nmetadata: { name: Broken }\n');
  writeFileSync(join(vigil.folder, 'slo.yaml'), slo);
  const baseMs = Math.floor(Date.now() / 1_000) * 1_000 - 600_000;
  const random = seeded(1);

  afterAll(() => vigil.dispose());
  /** Seconds [from, to) of a healthy series, `factor` times as slow. */
  const send = async (from: number, to: number, factor = 1): Promise<void> => {
    for (let at = from; at < to; at += 20) {
      const seconds = Array.from({ length: Math.min(20, to - at) }, (_, i) => at + i);
      const series = [
        {
          labels: { __name__: 'latency_seconds', job: 'checkout', zone: 'a' },
          samples: seconds.map((second) => ({
            timestampMs: baseMs + second * 1_000,
            value: factor * 0.12 * Math.exp(0.1 * normal(random)),
          })),
        },
        {
          labels: { __name__: 'hits_total', code: '200' },
          samples: seconds.map((second) => ({ timestampMs: baseMs + second * 1_000, value: 20 * second })),
        },
      ];
      await vigil.send(series);
    }
  };
  const series = async (): Promise<WatchedSeriesItem | undefined> =>
    (await vigil.get<{ items: WatchedSeriesItem[] }>('/api/v1/series?watch=checkout-latency')).items[0];
  /** The series once its point of that second is judged: the next step must have begun. */
  const judged = async (second: number): Promise<WatchedSeriesItem> => {
    for (let i = 0; ; i++) {
      const item = await series();
      if ((item?.last?.t ?? 0) >= baseMs + second * 1_000) return item!;
      if (i > 200) throw new Error(`second ${second} is not judged: ${JSON.stringify(item)}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const signals = async (): Promise<Signal[]> =>
    (await vigil.readTopic(topics.signals))
      .map((signal) => signalSchema.parse(signal))
      .filter(({ data }) => data.kind === 'anomaly');

  it('is not seen in a healthy series, whose band can be read', async () => {
    await vigil.start();
    await send(0, 200);
    const item = await judged(197);
    expect(item).toMatchObject({ watch: 'checkout-latency', labels: { zone: 'a' }, firing: false });
    const { points } = await vigil.get<WatchedSeries>(`/api/v1/series/${item.id}/points?limit=100`);
    expect(points).toHaveLength(100);
    const inside = points.filter(({ value, lower, upper }) => value > lower && value < upper);
    expect(inside.length).toBeGreaterThanOrEqual(98);
    const { items } = await vigil.get<{ items: WatchStatus[] }>('/api/v1/watches');
    expect(items.map(({ name, series }) => [name, series])).toEqual([
      ['checkout-latency', 1],
      ['slo-checkout', 1],
    ]);
    expect(await signals()).toEqual([]);
  });

  it('opens by a signal that says what was expected', async () => {
    await send(200, 215, 3);
    expect((await judged(212)).firing).toBe(true);
    const [opened, ...more] = await signals();
    expect(more).toEqual([]);
    expect(opened!.id).toMatch(/^anomaly:checkout-latency:[0-9a-f]{16}:\d+:firing$/);
    expect(Date.parse(opened!.data.startsAt) - baseMs).toBeLessThan(206_000);
    expect(opened!.data).toMatchObject({
      status: 'firing',
      severity: 'ticket',
      labels: { alertname: 'Anomaly', watch: 'checkout-latency', service: 'checkout', zone: 'a', team: 'payments' },
      provenance: { modelVersion: 'streaming-1' },
    });
    expect(opened!.data.annotations['summary']).toMatch(
      /^checkout p95 latency \{zone="a"\} is [34]\d\d ms, expected 1\d\d ms \(at most [12]\d\d ms\)$/,
    );
    const { value, upper } = opened!.data.evidence as { value: number; upper: number };
    expect(value).toBeGreaterThan(upper);
    const metrics = await (await vigil.fetch('/metrics')).text();
    expect(metrics).toMatch(
      /^vigil_anomaly_firing\{watch="checkout-latency",service="checkout",series="\{zone=\\"a\\"\}"\} 1$/m,
    );
    expect(metrics).toMatch(/^vigil_watch_document_errors [1-9]/m);
    for (const processor of ['slo', 'anomaly'])
      expect(metrics).toMatch(new RegExp(`^vigil_processor_lag_records\\{processor="${processor}"\\} 0$`, 'm'));
  });

  it('is neither repeated nor forgotten over a restart, and ends once', async () => {
    const before = await series();
    await vigil.restart();
    expect(await series()).toEqual(before);
    await send(215, 230, 3);
    expect((await judged(227)).firing).toBe(true);
    expect(await signals()).toHaveLength(1);
    await send(230, 250);
    expect((await judged(247)).firing).toBe(false);
    const [opened, ended, ...more] = await signals();
    expect(more).toEqual([]);
    expect(ended!.id).toBe(opened!.id.replace(/firing$/, 'resolved'));
    expect(Date.parse(ended!.data.endsAt!) - baseMs).toBeLessThan(240_000);
  });

  it('has a second voice, told with the backend that it runs on', async () => {
    for (let i = 0; i < 500 && (await series())!.modelScore === null; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const score = (await series())!.modelScore!;
    expect(score).toBeGreaterThan(0);
    expect((await vigil.get<Health>('/health')).tensor!.backend).toMatch(/^(wasm|tfjs-node)$/);
    const metrics = await (await vigil.fetch('/metrics')).text();
    expect(metrics).toMatch(/^vigil_anomaly_model_score\{watch="checkout-latency",.*\} [0-9.]+$/m);
  });

  it('names what is unknown, and what is allowed', async () => {
    for (const [path, status, words] of [
      ['/api/v1/series?watch=nothing', 404, /checkout-latency, slo-checkout/],
      ['/api/v1/series/nothing/points', 404, /api\/v1\/series lists them/],
      [`/api/v1/series/${(await series())!.id}/points?limit=0`, 400, /1 to 600, got '0'/],
    ] as const) {
      const answer = await vigil.fetch(path);
      expect(answer.status).toBe(status);
      expect(((await answer.json()) as { detail: string }).detail).toMatch(words);
    }
  });
});
