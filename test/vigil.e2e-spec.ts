import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { topics } from '@vigil/contracts';
import { Log, type LogRecord, parseSettings, type Settings, version } from '@vigil/platform';
import { encodeRemoteWrite } from '@vigil/telemetry';
import snappy from 'snappy';
import { createVigil, type Vigil } from '../apps/vigil/src/create-vigil.js';

const silent = { log: () => undefined, error: () => undefined, warn: () => undefined };
const settingsFor = (dataDir: string, listen = '127.0.0.1:0'): Settings => {
  const settings = parseSettings({ VIGIL_DATA: dataDir, VIGIL_DEMO: 'off', VIGIL_LISTEN: '127.0.0.1:4400' });
  const [host = '', port = '0'] = listen.split(':');
  return { ...settings, listen: { host, port: Number(port) } };
};
const write = (value: number): Uint8Array =>
  encodeRemoteWrite([
    { labels: { __name__: 'up', job: 'shop' }, samples: [{ timestampMs: 1_764_000_000_000, value }] },
  ]);

describe('a running Vigil', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-'));
  let vigil: Vigil;
  beforeAll(async () => {
    vigil = await createVigil(settingsFor(folder), { logger: silent });
  });
  afterAll(async () => {
    await vigil.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const post = (path: string, body: Uint8Array | string, headers: Record<string, string>): Promise<Response> =>
    fetch(new URL(path, vigil.url), { method: 'POST', body: body as BodyInit, headers });
  const protobuf = { 'content-type': 'application/x-protobuf' };

  it('says what it is and that it is ready', async () => {
    const health: unknown = await (await fetch(new URL('/health', vigil.url))).json();
    expect(health).toMatchObject({ status: 'ok', version, log: 'lmdb', store: 'pglite', reasons: [] });
    expect((await fetch(new URL('/ready', vigil.url))).status).toBe(200);
  });

  it('is the version that package.json says', () => {
    expect((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version).toBe(version);
  });

  it('has remote write in its log when it says 204', async () => {
    const answer = await post('/api/v1/write', await snappy.compress(Buffer.from(write(1))), {
      ...protobuf,
      'content-encoding': 'snappy',
    });
    expect(answer.status).toBe(204);
    const seen: LogRecord[] = [];
    const consumption = await vigil.app.get(Log).consume({
      topic: topics.samples,
      group: 'test',
      handlers: {
        assigned: () => Promise.resolve(0),
        records: (_assignment, records) => Promise.resolve(void seen.push(...records)),
      },
    });
    for (let i = 0; i < 100 && seen.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    await consumption.stop();
    expect(seen.length).toBeGreaterThan(0);
  });

  it('takes OTLP as JSON, gzipped', async () => {
    const point = { timeUnixNano: '1764000000000000000', asDouble: 1 };
    const body = {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [point] } }] }] }],
    };
    const answer = await post('/v1/metrics', gzipSync(JSON.stringify(body)), {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({});
  });

  it.each([
    { what: 'a cut body', path: '/v1/metrics', body: Buffer.from([0x0a, 0x7f, 0x01]), headers: protobuf, status: 400 },
    { what: 'no snappy', path: '/api/v1/write', body: Buffer.from('hello'), headers: protobuf, status: 400 },
    {
      what: 'another encoding',
      path: '/v1/metrics',
      body: Buffer.from('x'),
      headers: { ...protobuf, 'content-encoding': 'br' },
      status: 415,
    },
    {
      what: 'remote write 2.0',
      path: '/api/v1/write',
      body: Buffer.from('x'),
      headers: { 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' },
      status: 415,
    },
    {
      what: 'an unknown path',
      path: '/nowhere',
      body: Buffer.from('{}'),
      headers: { 'content-type': 'application/json' },
      status: 404,
    },
  ])('answers $what with a problem', async ({ path, body, headers, status }) => {
    const answer = await post(path, body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const problem = (await answer.json()) as { type: string; detail: string; position?: number };
    expect(problem.detail.length).toBeGreaterThan(0);
    if (status === 400) expect(problem.position).toBeDefined();
  });

  it('serves its own metrics and its API description', async () => {
    const metrics = await (await fetch(new URL('/metrics', vigil.url))).text();
    expect(metrics).toMatch(/^vigil_ingest_samples_total\{format="remote-write"\} 1$/m);
    expect(metrics).toMatch(/^vigil_ingest_refused_total\{.*reason="malformed"/m);
    const api = (await (await fetch(new URL('/docs-json', vigil.url))).json()) as { paths: object };
    expect(Object.keys(api.paths)).toEqual(
      expect.arrayContaining(['/v1/metrics', '/api/v1/write', '/health', '/ready']),
    );
  });

  it('keeps plans by version, and names what is wrong with one', async () => {
    const person = { person: 'li' };
    const plan = {
      name: 'sale',
      title: 'Sale',
      timeZone: 'Asia/Shanghai',
      roles: { IC: person, OL: person, IR: person, QA: person },
      services: [{ name: 'shop', tier: 'P0' }],
      windows: [{ direction: 'start', start: '2026-12-01T00:00:00+08:00', end: '2026-12-01T01:00:00+08:00' }],
    };
    const put = (body: object): Promise<Response> =>
      fetch(new URL('/api/v1/plans/sale', vigil.url), {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect(await (await put(plan)).json()).toMatchObject({ version: 1, plan: { title: 'Sale' } });
    expect(await (await put(plan)).json()).toMatchObject({ version: 1 });
    expect(await (await put({ ...plan, title: 'Big sale' })).json()).toMatchObject({ version: 2 });
    const refused = await put({ ...plan, timeZone: 'Mars' });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ position: 'timeZone' });
    expect(await (await fetch(new URL('/api/v1/plans', vigil.url))).json()).toMatchObject({
      items: [{ name: 'sale', title: 'Big sale', version: 2 }],
    });
  });

  it('lets nobody else have its data folder', async () => {
    await expect(createVigil(settingsFor(join(folder, '.')), { logger: silent })).rejects.toThrow(/in use|lock/i);
  });
});

describe('a start', () => {
  it('names the port that is in use and the setting that changes it, and frees the folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vigil-'));
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as { port: number };
    await expect(createVigil(settingsFor(folder, `127.0.0.1:${port}`), { logger: silent })).rejects.toThrow(
      new RegExp(`port ${port} .*VIGIL_LISTEN`),
    );
    squatter.close();
    const vigil = await createVigil(settingsFor(folder), { logger: silent });
    await vigil.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
