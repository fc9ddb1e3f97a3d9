import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeSignal, type TimelineEntry, topics } from '@vigil/contracts';
import { Log } from '@vigil/platform';
import { eventually, RunningVigil } from './lib/running-vigil.js';

const signal = (n: number) =>
  makeSignal({
    source: 'slo',
    id: `burn:test:${n}`,
    subject: 'checkout',
    timeMs: 1_764_000_000_000 + n,
    data: {
      kind: 'burn',
      status: 'firing',
      severity: 'info',
      labels: { service: 'checkout' },
      annotations: { summary: `number ${n}` },
      evidence: {},
      startsAtMs: 1_764_000_000_000,
      provenance: { documentHash: '', logOffsets: {} },
    },
  });

describe('the timeline', () => {
  const vigil = new RunningVigil();
  const say = (...values: object[]): Promise<void> =>
    vigil.vigil.app.get(Log).append(
      topics.signals,
      values.map((value) => ({ value: Buffer.from(JSON.stringify(value)) })),
    );
  const page = (query = ''): Promise<{ items: TimelineEntry[]; next: number | null }> =>
    vigil.get(`/api/v1/timeline${query}`);
  beforeAll(() => vigil.start());
  afterAll(() => vigil.dispose());

  it('holds what was said, once, in order, whatever else is on the log', async () => {
    await say(signal(1), { is: 'no signal' }, signal(2));
    await say(signal(2), signal(3));
    const { items, next } = await eventually(
      () => page(),
      // The alert that the signals open is told too, whenever alerting comes to it.
      ({ items: each }) => each.length >= 4,
    );
    const signals = items.filter(({ kind }) => kind === 'signal');
    expect(signals.map(({ body }) => body['id'])).toEqual(['burn:test:1', 'burn:test:2', 'burn:test:3']);
    expect(items.filter(({ kind }) => kind === 'alert')).toMatchObject([
      { subject: 'checkout', body: { event: 'opened' } },
    ]);
    expect(signals[0]).toMatchObject({ kind: 'signal', subject: 'checkout', at: '2025-11-24T16:00:00.001Z' });
    expect(next).toBe(items.at(-1)!.id);
  });

  it('is read onwards from an entry', async () => {
    const [first] = (await page()).items;
    const { items } = await page(`?after=${first!.id}&limit=1`);
    expect(items).toEqual((await page()).items.slice(1, 2));
    expect((await vigil.fetch('/api/v1/timeline?limit=0')).status).toBe(400);
  });

  it('comes as events, and goes on where a connection was cut', async () => {
    const second = (await page()).items.find(({ body }) => body['id'] === 'burn:test:2')!;
    const stop = new AbortController();
    const answer = await vigil.fetch('/api/v1/events', {
      headers: { 'last-event-id': String(second.id) },
      signal: stop.signal,
    });
    expect(answer.headers.get('content-type')).toMatch('text/event-stream');
    await say(signal(4));
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body!) {
      text += decoder.decode(chunk as Uint8Array);
      if (text.includes('burn:test:4')) break;
    }
    stop.abort();
    expect([...text.matchAll(/"id":"(burn:test:\d)"/g)].map(([, id]) => id)).toEqual(['burn:test:3', 'burn:test:4']);
    expect(text).toMatch(/^event: signal$/m);
  });
});

describe('the console', () => {
  const vigil = new RunningVigil();
  beforeAll(() => vigil.start());
  afterAll(() => vigil.dispose());

  it('is one page that loads nothing from elsewhere', async () => {
    const page = await vigil.fetch('/');
    expect(page.headers.get('content-security-policy')).toMatch("default-src 'self'");
    const html = await page.text();
    expect(html).toMatch('<vigil-app>');
    for (const [, path] of html.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)) {
      const file = await vigil.fetch(path!);
      expect(file.status).toBe(200);
      const again = await vigil.fetch(path!, { headers: { 'if-none-match': file.headers.get('etag')! } });
      expect(again.status).toBe(304);
    }
  });

  it('gives no other file', async () => {
    expect((await vigil.fetch('/console/..%2fpackage.json')).status).toBe(404);
  });
});
