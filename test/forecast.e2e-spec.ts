import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ForecastAnswer, forecastSchema, type ReplicaAdvice, replicaAdviceSchema } from '@vigil/contracts';
import { eventually, RunningVigil } from './lib/running-vigil.js';

const watches = `
apiVersion: vigil/v1
kind: Watch
metadata: { name: shop-demand }
spec:
  service: shop
  query: 'sum(rate(hits_total{job="shop"}[30s]))'
  capacity: { perReplica: 10, targetUtilisation: 0.5, min: 1, max: 8 }
---
apiVersion: vigil/v1
kind: Watch
metadata: { name: young }
spec: { service: cart, query: cart_size }
`;

describe('a watched series', () => {
  const vigil = new RunningVigil((folder) => ({ VIGIL_WATCHES: join(folder, 'watches.yaml') }));
  const startMs = Math.floor(Date.now() / 15_000) * 15_000 - 60 * 15_000;
  const send = (step: number): Promise<void> =>
    vigil.send([
      {
        labels: { __name__: 'hits_total', job: 'shop' },
        // 18 hits a second.
        samples: [{ timestampMs: startMs + step * 15_000, value: step * 270 }],
      },
      { labels: { __name__: 'cart_size' }, samples: [{ timestampMs: startMs + step * 15_000, value: 3 }] },
    ]);
  beforeAll(async () => {
    writeFileSync(join(vigil.folder, 'watches.yaml'), watches);
    await vigil.start();
  });
  afterAll(() => vigil.dispose());

  it('is refused while its past is too short, and says what is missing', async () => {
    for (let step = 0; step < 5; step++) await send(step);
    await eventually(
      () => vigil.fetch('/api/v1/forecasts/young'),
      ({ status }) => status === 422,
    );
    const answer = await vigil.fetch('/api/v1/forecasts/young');
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ detail: expect.stringMatching(/needs 8 values/) });
  });

  it('is forecast by quantiles, with evidence and provenance', async () => {
    for (let step = 5; step < 40; step++) await send(step);
    const path = '/api/v1/forecasts/shop-demand?horizon=4&levels=0.1,0.9';
    const answer = await eventually(
      () => vigil.get<ForecastAnswer>(path),
      (each) => each.evidence?.historyPoints >= 35,
    );
    expect(forecastSchema.parse(answer)).toMatchObject({ levels: [0.1, 0.9], stepMs: 15_000 });
    expect(answer.points).toHaveLength(4);
    for (const { mean } of answer.points) expect(mean).toBeCloseTo(18, 6);
    expect(answer.points[0]!.t).toBe(startMs + 39 * 15_000);
    expect(answer.provenance.documentHash).toMatch(/^[0-9a-f]{16}$/);
  });

  it('gives its service a number of replicas', async () => {
    const advice = await vigil.get<ReplicaAdvice>('/api/v1/replicas/shop');
    // 18 a second over 10 a replica, half full: four.
    expect(replicaAdviceSchema.parse(advice)).toMatchObject({ replicas: 4, service: 'shop' });
    expect((await vigil.fetch('/api/v1/replicas/cart')).status).toBe(404);
    expect(await vigil.get('/api/v1/replicas')).toMatchObject({ items: [{ service: 'shop', replicas: 4 }] });
  });

  it('keeps its past over a restart', async () => {
    await vigil.restart();
    const answer = await vigil.get<ForecastAnswer>('/api/v1/forecasts/shop-demand');
    expect(answer.evidence.historyPoints).toBeGreaterThanOrEqual(35);
    for (let step = 40; step < 44; step++) await send(step);
    const later = await eventually(
      () => vigil.get<ForecastAnswer>('/api/v1/forecasts/shop-demand'),
      (each) => each.evidence.historyPoints >= 39,
    );
    expect(later.evidence.historyPoints).toBeGreaterThanOrEqual(39);
    for (const { mean } of later.points) expect(mean).toBeCloseTo(18, 6);
  });

  it.each([
    { path: '/api/v1/forecasts/shop-demand?horizon=0', status: 400 },
    { path: '/api/v1/forecasts/shop-demand?levels=2', status: 400 },
    { path: '/api/v1/forecasts/nothing', status: 404 },
  ])('answers $path with $status', async ({ path, status }) => {
    const answer = await vigil.fetch(path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/problem\+json/);
  });
});
