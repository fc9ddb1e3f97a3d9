import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AlertMessage, alertMessageSchema, makeSignal, topics } from '@vigil/contracts';
import { Clock, Log, parseSettings, RelationalStore } from '@vigil/platform';
import { createVigil, type Vigil } from '../apps/vigil/src/create-vigil.js';

const silent = { log: () => undefined, error: () => undefined, warn: () => undefined };

/** Real time, moved on by hand. */
class MovedClock extends Clock {
  aheadMs = 0;
  override now(): number {
    return Date.now() + this.aheadMs;
  }
}

async function until<Value>(what: () => Value | undefined | false, seconds = 10): Promise<Value> {
  for (let i = 0; i < seconds * 50; i++) {
    const value = what();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('waited in vain');
}

interface Posted {
  path: string | undefined;
  alerts: { labels: Record<string, string>; startsAt: string; endsAt: string; generatorURL: string }[];
  atMs: number;
}

describe('an alert', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-alerts-'));
  const clock = new MovedClock();
  const posted: Posted[] = [];
  const said: AlertMessage[] = [];
  let refuseNext = true;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (request.url === '/hook') {
        response.writeHead(200).end();
        return;
      }
      posted.push({ path: request.url, alerts: JSON.parse(body) as Posted['alerts'], atMs: clock.now() });
      response.writeHead(refuseNext ? 503 : 200).end();
      refuseNext = false;
    });
  });
  let vigil: Vigil;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const alerting = join(folder, 'alerting.yaml');
    writeFileSync(
      alerting,
      `route: { receiver: team, group_wait: 0s, group_interval: 1s }\nreceivers: [{ name: team, webhook_configs: [{ url: 'http://127.0.0.1:${port}/hook' }] }]\n`,
    );
    const settings = parseSettings({
      VIGIL_DATA: join(folder, 'data'),
      VIGIL_ALERTING: alerting,
      VIGIL_ALERTMANAGER_URL: `http://127.0.0.1:${port}/am/`,
      VIGIL_DEMO: 'off',
    });
    vigil = await createVigil({ ...settings, listen: { host: '127.0.0.1', port: 0 } }, { logger: silent, clock });
    await vigil.app.get(Log).consume({
      topic: topics.alerts,
      group: 'test',
      handlers: {
        assigned: () => Promise.resolve(0),
        records: (_assignment, records) =>
          Promise.resolve(
            void said.push(
              ...records.map(({ value }) => alertMessageSchema.parse(JSON.parse(Buffer.from(value).toString()))),
            ),
          ),
      },
    });
  });
  afterAll(async () => {
    await vigil.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const startsAtMs = Date.now() - 5_000;
  const signal = (status: 'firing' | 'resolved', endsAtMs?: number): Promise<void> => {
    const data = {
      kind: 'burn' as const,
      status,
      severity: 'page' as const,
      labels: { alertname: 'ErrorBudgetBurn', service: 'checkout' },
      annotations: { summary: 'burns', odd: 'a\u0000b' },
      evidence: {},
      startsAtMs,
      endsAtMs,
      provenance: { documentHash: 'd', logOffsets: {} },
    };
    const signal = makeSignal({ source: 'slo', id: `s:${status}`, subject: 'checkout', timeMs: startsAtMs, data });
    return vigil.app.get(Log).append(topics.signals, [{ value: Buffer.from(JSON.stringify(signal)) }]);
  };

  it('is said on the log when it opens, once a receiver was told, and when it resolves; a repeat says nothing', async () => {
    await vigil.app.get(Log).append(topics.signals, [{ value: Buffer.from('no JSON') }]);
    await signal('firing');
    await signal('firing');
    const opened = await until(() => said.find(({ event }) => event === 'opened'));
    expect(opened).toMatchObject({
      kind: 'burn',
      signalId: 's:firing',
      labels: { service: 'checkout' },
      annotations: { summary: 'burns' },
      provenance: { documentHash: 'd' },
      at: new Date(startsAtMs).toISOString(),
    });
    expect(opened.id).toBe(`${opened.fingerprint}:${startsAtMs}:opened`);
    expect(await until(() => said.find(({ event }) => event === 'notified'))).toMatchObject({
      receiver: 'team',
      fingerprint: opened.fingerprint,
    });
    expect(said.filter(({ event }) => event === 'opened')).toHaveLength(1);
  });

  it('reaches an Alertmanager, is said again while it fires, and ends there too', async () => {
    // The first post was refused: the opening is sent again.
    const [first] = await until(() => posted.length >= 2 && posted);
    expect(first!.path).toBe('/am/api/v2/alerts');
    expect(first!.alerts).toMatchObject([
      {
        labels: { alertname: 'ErrorBudgetBurn', service: 'checkout' },
        annotations: { summary: 'burns' },
        startsAt: new Date(startsAtMs).toISOString(),
        generatorURL: expect.stringMatching(/\/api\/v1\/slos\/checkout$/),
      },
    ]);
    for (const { alerts, atMs } of posted) {
      expect(Math.abs(Date.parse(alerts[0]!.endsAt) - atMs - 240_000)).toBeLessThan(10_000);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const before = posted.length;
    clock.aheadMs += 61_000;
    await until(() => posted.length > before);
    expect(posted.at(-1)!.alerts).toHaveLength(1);

    const endsAtMs = Date.now();
    await signal('resolved', endsAtMs);
    const ended = await until(() =>
      posted.find(({ alerts }) => alerts[0]?.endsAt === new Date(endsAtMs).toISOString()),
    );
    expect(Date.parse(ended.alerts[0]!.endsAt)).toBeLessThan(ended.atMs);
    const resolved = await until(() => said.find(({ event }) => event === 'resolved'));
    expect(resolved).toMatchObject({ signalId: 's:resolved', at: new Date(endsAtMs).toISOString() });
    const after = posted.length;
    clock.aheadMs += 61_000;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(posted).toHaveLength(after);
    const left = await vigil.app
      .get(RelationalStore)
      .query<{ n: string }>(`SELECT count(*) AS n FROM outbox WHERE state = 'pending'`);
    expect(Number(left[0]!.n)).toBe(0);
  });
});
