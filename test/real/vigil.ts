import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SloStatus } from '@vigil/contracts';
import snappy from 'snappy';
import { answers, freePort, RunningProcess, until } from './process.js';

/** Vigil as users run it, built and in a process of its own, which can be killed and started again over its data. */
export class VigilProcess {
  #running: RunningProcess | undefined;

  private constructor(
    readonly folder: string,
    readonly url: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** Starts it with the given SLO documents; it keeps its port and its folder over restarts. */
  static async start(slos: string, environment: Readonly<Record<string, string>> = {}): Promise<VigilProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'vigil-real-'));
    mkdirSync(join(folder, 'slos'));
    writeFileSync(join(folder, 'slos', 'slos.yaml'), slos);
    const listen = `127.0.0.1:${await freePort()}`;
    const vigil = new VigilProcess(folder, `http://${listen}`, {
      PATH: process.env['PATH'] ?? '',
      VIGIL_LISTEN: listen,
      VIGIL_DATA: join(folder, 'data'),
      VIGIL_SLOS: join(folder, 'slos'),
      VIGIL_DEMO: 'off',
      // Often enough that a kill meets state on disk, state in memory and a commit between them.
      VIGIL_COMMIT_SECONDS: '0.3',
      ...environment,
    });
    await vigil.restart();
    return vigil;
  }

  /** Starts it again after a stop or a kill, and waits until it takes traffic. */
  async restart(): Promise<void> {
    const main = join(process.cwd(), 'dist', 'apps', 'vigil', 'src', 'main.js');
    this.#running = await RunningProcess.start(
      'Vigil',
      process.execPath,
      ['--enable-source-maps', main],
      () => answers(`${this.url}/ready`),
      // Elsewhere than the checkout, whose vigil.yaml is not the test's.
      { cwd: this.folder, env: this.environment, readyWithinMs: 90_000 },
    );
  }

  kill(): Promise<void> {
    return this.#running!.kill();
  }

  /** SIGTERM. @returns how long it drained, ms, and the code it ended with. */
  async stop(): Promise<{ ms: number; exitCode: number | null }> {
    const ms = await this.#running!.stop();
    return { ms, exitCode: this.#running!.exitCode };
  }

  async dispose(): Promise<void> {
    await this.#running?.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @throws TypeError while it does not listen. */
  post(path: string, body: Uint8Array | string, headers: Record<string, string>): Promise<Response> {
    return fetch(new URL(path, this.url), {
      method: 'POST',
      body: body as BodyInit,
      headers,
      signal: AbortSignal.timeout(20_000),
    });
  }

  /** Sends a WriteRequest until it is acknowledged, as Prometheus does: what got no 2xx is sent again as it was. */
  async write(body: Uint8Array): Promise<number> {
    const packed = await snappy.compress(Buffer.from(body));
    const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
    for (let attempts = 1; ; attempts++) {
      const status = await this.post('/api/v1/write', packed, headers).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 204) return attempts;
      if (status >= 400 && status < 500) throw new Error(`remote write was refused with ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async get<Answer>(path: string): Promise<Answer> {
    const answer = await fetch(new URL(path, this.url));
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  }

  /** Good and total events of every SLO, as REST tells them. */
  async counts(): Promise<Counts> {
    const { items } = await this.get<{ items: SloStatus[] }>('/api/v1/slos');
    return Object.fromEntries(items.map(({ name, good, total }) => [name, { good, total }]));
  }

  /**
   * Waits until the counts reach what is expected and nothing is under way any more, and answers them: too much shows
   * as well as too little.
   */
  async settledCounts(expected: Counts): Promise<Counts> {
    const reached = (counts: Counts): boolean =>
      Object.entries(expected).every(([name, { total }]) => (counts[name]?.total ?? 0) >= total);
    await until('the counts are there', () => this.counts().catch(() => ({})), reached, 60_000).catch(() => undefined);
    await until(
      'all is committed',
      () => this.#underWay(),
      (records) => records === 0,
    );
    return this.counts();
  }

  async #underWay(): Promise<number> {
    const metrics = await (await fetch(`${this.url}/metrics`)).text();
    const figures = metrics.matchAll(/^vigil_processor_(?:lag|uncommitted)_records\{.*\} (\d+)$/gm);
    return [...figures].reduce((sum, [, value]) => sum + Number(value), 0);
  }
}

export type Counts = Readonly<Record<string, { readonly good: number; readonly total: number }>>;

/** An OpenSLO document that counts requests of one job; 5xx are bad. */
export function sloOf(job: string, metric = 'http_requests_total'): string {
  const query = (more: string): string =>
    `{ metricSource: { type: Prometheus, spec: { query: 'sum(rate(${metric}{job="${job}"${more}}[{{.window}}]))' } } }`;
  return `apiVersion: openslo/v1
kind: SLO
metadata: { name: ${job} }
spec:
  service: ${job}
  budgetingMethod: Occurrences
  timeWindow: [{ duration: 1h, isRolling: true }]
  objectives: [{ target: 0.9 }]
  indicator:
    metadata: { name: ${job}-good }
    spec: { ratioMetric: { counter: true, good: ${query(',code!~"5.."')}, total: ${query('')} } }
---
`;
}
