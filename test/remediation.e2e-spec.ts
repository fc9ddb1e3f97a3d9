import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ActionMessage,
  actionMessageSchema,
  type AlertMessage,
  type RemediationRun,
  remediationRunSchema,
  type RemediationState,
  type RunbookSummary,
  topics,
} from '@vigil/contracts';
import {
  type AppendRecord,
  Clock,
  LocalProcessGroup,
  LocalProcessGroups,
  Log,
  parseSettings,
  RelationalStore,
  type Settings,
} from '@vigil/platform';
import { type ProcessGroup, ProcessGroups } from '@vigil/remediation';
import { encodeRemoteWrite } from '@vigil/telemetry';
import snappy from 'snappy';
import { createVigil, type Vigil } from '../apps/vigil/src/create-vigil.js';
import { checkoutSlo } from './lib/checkout-slo.js';

const silent = { log: () => undefined, error: () => undefined, warn: () => undefined };

/** Real time, moved on by hand. */
class MovedClock extends Clock {
  aheadMs = 0;
  override now(): number {
    return Date.now() + this.aheadMs;
  }
}

const clock = new MovedClock();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
async function until<Value>(what: () => Promise<Value | undefined | false>, seconds = 15): Promise<Value> {
  for (let i = 0; i < seconds * 20; i++) {
    const value = await what();
    if (value !== undefined && value !== false) return value;
    await pause(50);
  }
  throw new Error('waited in vain');
}

/** A group that does as it is told, and remembers. */
class FakeGroup implements ProcessGroup {
  readonly asked: string[] = [];
  /** Never answers: what a process sees that dies meanwhile. */
  hangs = false;

  constructor(
    readonly name: string,
    public replicas = 2,
  ) {}

  instances(): string[] {
    return Array.from({ length: this.replicas }, (_, index) => `${this.name}-${index}`);
  }

  scale(replicas: number): Promise<void> {
    this.asked.push(`scale ${replicas}`);
    this.replicas = replicas;
    return this.#answer();
  }

  restart(instance: string): Promise<void> {
    this.asked.push(`restart ${instance}`);
    return this.#answer();
  }

  #answer(): Promise<void> {
    return this.hangs ? new Promise(() => undefined) : Promise.resolve();
  }
}

function alertRecord(
  name: string,
  event: 'opened' | 'resolved',
  labels: Record<string, string>,
  opening = 1,
): AppendRecord {
  const message: AlertMessage = {
    schemaVersion: 1,
    id: `${name}:${opening}:${event}`,
    event,
    fingerprint: name,
    kind: 'burn',
    signalId: `signal-${name}`,
    labels: { alertname: name, ...labels },
    annotations: {},
    at: new Date(clock.now()).toISOString(),
  };
  return { key: name, value: Buffer.from(JSON.stringify(message)) };
}

/** Starts Vigil, listens to what healing says, and speaks for alerting. */
class Journey {
  readonly folder = mkdtempSync(join(tmpdir(), 'vigil-healing-'));
  readonly actions: ActionMessage[] = [];
  vigil!: Vigil;

  constructor(readonly environment: Record<string, string>) {}

  async start(...groups: ProcessGroup[]): Promise<void> {
    const settings: Settings = parseSettings({
      VIGIL_DATA: join(this.folder, 'data'),
      VIGIL_DEMO: 'off',
      ...this.environment,
    });
    this.vigil = await createVigil({ ...settings, listen: { host: '127.0.0.1', port: 0 } }, { logger: silent, clock });
    const known = this.vigil.app.get(ProcessGroups) as LocalProcessGroups;
    for (const group of groups) known.register(group);
    this.actions.length = 0;
    await this.vigil.app.get(Log).consume({
      topic: topics.actions,
      group: 'test',
      handlers: {
        assigned: () => Promise.resolve(0),
        records: (_assignment, records) =>
          Promise.resolve(
            void this.actions.push(
              ...records.map(({ value }) => actionMessageSchema.parse(JSON.parse(Buffer.from(value).toString()))),
            ),
          ),
      },
    });
  }

  async end(): Promise<void> {
    await this.vigil.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  write(name: string, text: string): string {
    mkdirSync(this.folder, { recursive: true });
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  async get<Answer>(path: string): Promise<Answer> {
    return (await (await fetch(new URL(path, this.vigil.url))).json()) as Answer;
  }

  post(path: string, body?: object): Promise<Response> {
    return fetch(new URL(path, this.vigil.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  alert(...told: Parameters<typeof alertRecord>): Promise<void> {
    return this.tell(alertRecord(...told));
  }

  /** All at once, the last one twice, as a log may say things. */
  tell(...records: AppendRecord[]): Promise<void> {
    return this.vigil.app.get(Log).append(topics.alerts, [...records, ...records.slice(-1)]);
  }

  /** The newest run about the alert, once it is in one of these phases. */
  run(alert: string, ...phases: string[]): Promise<RemediationRun> {
    return until(async () => {
      const { items } = await this.get<{ items: RemediationRun[] }>('/api/v1/actions?limit=200');
      return items.find((run) => run.alert.fingerprint === alert && phases.includes(run.phase));
    });
  }

  phases(runId: string): string[] {
    return this.actions.filter((action) => action.runId === runId).map(({ phase }) => phase);
  }
}

const document = (name: string, spec: string): string =>
  `apiVersion: vigil/v1\nkind: Runbook\nmetadata: { name: ${name} }\nspec:\n${spec.replace(/^/gm, '  ')}\n`;

describe('a burning SLO', () => {
  const journey = new Journey({});
  const group = new LocalProcessGroup({
    name: 'checkout',
    command: process.execPath,
    args: () => ['-e', 'setInterval(() => undefined, 1000)'],
    env: () => ({}),
    min: 1,
    max: 5,
    ready: () => Promise.resolve(),
  });
  let sender: NodeJS.Timeout | undefined;
  let good = 0;
  let bad = 0;
  let failing = true;
  const send = async (atMs: number): Promise<void> => {
    if (failing && group.replicas >= 4) failing = false;
    good += failing ? 10 : 20;
    bad += failing ? 10 : 0;
    const series = [
      { code: '200', value: good },
      { code: '500', value: bad },
    ].map(({ code, value }) => ({
      labels: { __name__: 'http_requests_total', job: 'checkout', code },
      samples: [{ timestampMs: atMs, value }],
    }));
    await fetch(new URL('/api/v1/write', journey.vigil.url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      body: (await snappy.compress(Buffer.from(encodeRemoteWrite(series)))) as BodyInit,
    });
  };
  beforeAll(async () => {
    Object.assign(journey.environment, {
      VIGIL_SLOS: journey.write('slo.yaml', checkoutSlo),
      VIGIL_CATALOGUE: journey.write(
        'services.yaml',
        `
apiVersion: vigil/v1
kind: Service
metadata: { name: checkout }
spec: { owners: { operations: li, business: wang }, tier: P0 }
`,
      ),
      VIGIL_RUNBOOKS: journey.write(
        'runbooks.yaml',
        [
          document(
            'scale-checkout',
            `match: { kinds: [burn], labels: { service: checkout, window: 1h/5m } }
dryRun: false
steps: [{ scale: { group: checkout, replicas: recommended, max: 5, fallback: { by: 2 } } }]
verify: { within: 60s, quietFor: 2s }`,
          ),
          document('broken', 'match: {}\nsteps: []'),
        ].join('---\n'),
      ),
    });
    await journey.start(group);
    await group.scale(2);
  });
  afterAll(async () => {
    clearInterval(sender);
    await group.close();
    await journey.end();
  });

  it('is healed by more replicas, seen to be healed, and told what it was worth', async () => {
    const now = Date.now();
    for (let s = 20; s >= 1; s--) await send(now - s * 1_000);
    sender = setInterval(() => void send(Date.now()), 1_000);
    const run = await until(async () => {
      const { items } = await journey.get<{ items: RemediationRun[] }>('/api/v1/actions');
      return items.find(({ endedAt }) => endedAt !== null);
    }, 25);
    expect(remediationRunSchema.parse(run)).toMatchObject({
      phase: 'succeeded',
      runbook: 'scale-checkout',
      target: 'group/checkout',
      alert: { labels: { alertname: 'ErrorBudgetBurn', slo: 'checkout-availability', window: '1h/5m' } },
    });
    expect(group.instances()).toHaveLength(4);
    expect(run.evidence).toMatchObject({ replicasBefore: 2, replicasAfter: 4, stepsDone: 1 });
    expect(run.evidence['burnAtStart']).toBeGreaterThan(14.4);
    expect(run.evidence['burnAtEnd']).toBeLessThan(14.4);
    expect(run.evidence['secondsToRecover']).toBeGreaterThan(0);
    expect(run.evidence['secondsToRecover']).toBeLessThan(20);
    // No forecast answers here: the fallback is used, and said.
    const texts = run.history.map(({ text }) => text);
    expect(
      texts.some((text) => /scale checkout from 2 to 4 \(fallback by \+2; no recommendation: HTTP 404/.test(text)),
    ).toBe(true);
    await until(() => Promise.resolve(journey.phases(run.id).includes('succeeded')));
    expect(journey.phases(run.id)).toEqual(['planned', 'executing', 'verifying', 'succeeded']);
    const ids = journey.actions.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const success = journey.actions.find(({ phase }) => phase === 'succeeded')!;
    expect(success.evidence).toEqual(run.evidence);
    expect(success.labels['tier']).toBe('P0');
    expect(success.signalId).toMatch(/^burn:checkout-availability:1h\/5m:/);
    expect(success.provenance.documentHash).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is told in metrics, in the audit log, and by REST', async () => {
    const metrics = await (await fetch(new URL('/metrics', journey.vigil.url))).text();
    expect(metrics).toMatch(/^vigil_remediation_runs_total\{runbook="scale-checkout",outcome="succeeded"\} 1$/m);
    expect(metrics).toMatch(/^vigil_remediation_seconds_to_recover_count 1$/m);
    expect(metrics).toMatch(/^vigil_remediation_document_errors [1-9]/m);
    const audited = await journey.vigil.app
      .get(RelationalStore)
      .query<{ action: string }>(`SELECT action FROM audit WHERE target = 'group/checkout' ORDER BY id`);
    expect(audited.map(({ action }) => action)).toEqual([
      'remediation.planned',
      'remediation.began',
      'remediation.step-began',
      'remediation.step-ended',
      'remediation.observed',
    ]);
    const { items } = await journey.get<{ items: RunbookSummary[] }>('/api/v1/runbooks');
    expect(items).toMatchObject([
      { name: 'scale-checkout', dryRun: false, matchers: ['service="checkout"', 'window="1h/5m"'] },
    ]);
  });
});

describe('healing', () => {
  const secret = 'a secret of the test';
  const called: { headers: IncomingHttpHeaders; url: string | undefined; body: string }[] = [];
  const hook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      called.push({ headers: request.headers, url: request.url, body });
      response.writeHead(called.length === 1 ? 503 : 200).end();
    });
  });
  const journey = new Journey({ VIGIL_HMAC_SECRET: secret });
  const small = 'verify: { within: 30s, quietFor: 0s }';
  const cart = new FakeGroup('cart');
  const shop = new FakeGroup('shop');
  beforeAll(async () => {
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const { port } = hook.address() as { port: number };
    const runbooks = [
      document(
        'hook',
        `match: { labels: { alertname: hook } }
dryRun: false
steps:
  - http:
      url: 'http://127.0.0.1:${port}/hooks/{{ labels.job }}?token=secret'
      headers: { Authorization: Bearer secret }
      body: { job: '{{ labels.job }}' }
${small}`,
      ),
      document(
        'scale-cart',
        `match: { patterns: { alertname: cart.* } }
dryRun: false
cooldown: 5m
steps: [{ scale: { group: cart, replicas: { by: 1 }, max: 9 } }]
${small}
rollback: [{ scale: { group: cart, replicas: before, max: 9 } }]`,
      ),
      document(
        'try-cart',
        `match: { patterns: { alertname: cart.* } }\npriority: 3\nsteps: [{ restart: { group: cart, which: all } }]`,
      ),
      document(
        'restart-shop',
        `match: { labels: { alertname: shop } }\ndryRun: false\nsteps: [{ restart: { group: shop, instance: '{{ labels.instance }}' } }]\n${small}`,
      ),
    ];
    Object.assign(journey.environment, {
      VIGIL_RUNBOOKS: journey.write('runbooks.yaml', runbooks.join('---\n')),
    });
    await journey.start(cart, shop);
  });
  afterAll(async () => {
    await journey.end();
    hook.close();
  });

  it('calls a hook until it is taken, under one key, signed, with values as data', async () => {
    const job = 'a "b"/../c';
    await journey.alert('hook', 'opened', { job });
    await journey.run('hook', 'verifying');
    await journey.alert('hook', 'resolved', { job });
    const run = await journey.run('hook', 'succeeded');
    expect(called).toHaveLength(2);
    const [refused, taken] = called;
    expect(taken!.headers['idempotency-key']).toBe(refused!.headers['idempotency-key']);
    expect(taken!.headers['idempotency-key']).toBe(`${run.id}:steps:0`);
    expect(taken!.headers['authorization']).toBe('Bearer secret');
    expect(taken!.url).toBe(`/hooks/${encodeURIComponent(job)}?token=secret`);
    expect(JSON.parse(taken!.body)).toEqual({ job });
    const [, timeMs, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(taken!.headers['x-vigil-signature']))!;
    expect(createHmac('sha256', secret).update(`${timeMs}.${taken!.body}`).digest('hex')).toBe(signature);
    const told = JSON.stringify([
      await journey.get('/api/v1/actions'),
      await journey.get('/api/v1/runbooks'),
      journey.actions,
    ]);
    expect(told).not.toContain('secret');
  });

  it('tries a runbook dry beside the one that acts, and refuses a second action while the target cools down', async () => {
    await journey.alert('cart-a', 'opened', { service: 'cart' });
    const trial = await journey.run('cart-a', 'dry-run');
    expect(trial.reason).toMatch(/^dry run: would restart the all of cart\. try-cart matches with priority 3/);
    await journey.run('cart-a', 'verifying');
    await journey.alert('cart-a', 'resolved', {});
    await journey.run('cart-a', 'succeeded');
    await journey.alert('cart-b', 'opened', { service: 'cart' });
    const refused = await journey.run('cart-b', 'refused');
    expect(refused.reason).toMatch(/group\/cart was acted on \d+ s ago; the cooldown is 300 s/);
    expect(cart.asked).toEqual(['scale 3']);
    // It fires still when the cooldown is over: now it is acted on, and put back as it does not help.
    clock.aheadMs += 301_000;
    await journey.run('cart-b', 'verifying');
    clock.aheadMs += 31_000;
    const back = await journey.run('cart-b', 'rolled-back');
    expect(back.reason).toContain('it did not help within 30 s: the alert still fires; rolled back');
    expect(cart.asked).toEqual(['scale 3', 'scale 4', 'scale 3']);
    await until(() => Promise.resolve(journey.phases(back.id).includes('rolled-back')));
    expect(journey.phases(back.id).slice(-3)).toEqual(['verifying', 'failed', 'rolled-back']);
    await journey.alert('cart-b', 'resolved', {});
  });

  it('does nothing while it is stopped, and goes on when it may', async () => {
    const stop = (await (
      await journey.post('/api/v1/remediation/stop', { reason: 'release' })
    ).json()) as RemediationState;
    expect(stop).toMatchObject({ stopped: true, reason: 'release' });
    await journey.alert('shop', 'opened', { instance: 'shop-1' });
    expect((await journey.run('shop', 'refused')).reason).toContain('stopped by the stop switch');
    await journey.post('/api/v1/remediation/start');
    clock.aheadMs += 16_000;
    await journey.run('shop', 'verifying');
    expect(shop.asked).toEqual(['restart shop-1']);
    // It opens again at once: that is no recovery.
    await journey.tell(alertRecord('shop', 'resolved', {}), alertRecord('shop', 'opened', { instance: 'shop-1' }, 2));
    await pause(2_500);
    await journey.run('shop', 'verifying');
    await journey.alert('shop', 'resolved', {}, 2);
    await journey.run('shop', 'succeeded');
    const audited = await journey.vigil.app
      .get(RelationalStore)
      .query<{ action: string }>(`SELECT action FROM audit WHERE target = 'remediation' ORDER BY id`);
    expect(audited.map(({ action }) => action)).toEqual(['remediation.stop', 'remediation.start']);
  });

  it('goes on after a restart: a scaling is asked for again, what may not be repeated fails for that reason', async () => {
    clock.aheadMs += 3_700_000;
    cart.hangs = true;
    shop.hangs = true;
    await journey.alert('cart-c', 'opened', { service: 'cart' });
    await journey.alert('shop', 'opened', { instance: 'shop-0' });
    // The first shop alert has that id already: a new opening has a new one.
    await journey.alert('shop-again', 'opened', { alertname: 'shop', instance: 'shop-0' });
    await until(() => Promise.resolve(cart.asked.at(-1) === 'scale 4' && shop.asked.at(-1) === 'restart shop-0'));
    await journey.vigil.close();
    const cartNow = new FakeGroup('cart', 3);
    const shopNow = new FakeGroup('shop');
    await journey.start(cartNow, shopNow);
    const lost = await journey.run('shop-again', 'failed');
    expect(lost.reason).toContain('its outcome is unknown, and it is not repeated');
    expect(shopNow.asked).toEqual([]);
    await journey.run('cart-c', 'verifying');
    // To the number that was written down, not one more.
    expect(cartNow.asked).toEqual(['scale 4']);
    await journey.alert('cart-c', 'resolved', {});
    const run = await journey.run('cart-c', 'succeeded');
    expect(run.history.map(({ text }) => text)).toContain('resumes: scale cart from 3 to 4 (by +1) again');
  }, 60_000);

  it('pages through actions, and says what it does not know', async () => {
    const all = await journey.get<{ items: RemediationRun[] }>('/api/v1/actions');
    const first = await journey.get<{ items: RemediationRun[]; nextCursor: string }>('/api/v1/actions?limit=2');
    const second = await journey.get<{ items: RemediationRun[] }>(
      `/api/v1/actions?limit=200&cursor=${first.nextCursor}`,
    );
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(all.items.map(({ id }) => id));
    expect(await journey.get('/api/v1/actions/none')).toMatchObject({ status: 404 });
    expect(await journey.get('/api/v1/actions?limit=0')).toMatchObject({ status: 400 });
    expect(await (await journey.post('/api/v1/remediation/stop', { reason: 3 })).json()).toMatchObject({ status: 400 });
  });
});
