import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SloStatus } from '@vigil/contracts';
import snappy from 'snappy';
import { memoryOf, type MemorySample, slopesOf } from './memory.js';
import { expectedCounts, SeriesBytes, seriesCount, sloCount, sloDocuments } from './shop-series.js';

export interface IngestBench {
  readonly order: 'stable' | 'shuffled';
  readonly seconds: number;
  /** How often memory is told of, s; not at all where it is absent. */
  readonly memoryEverySeconds?: number;
  readonly print: (line: object) => void;
}

const stepMs = 15_000;
/** Prometheus' default max_samples_per_send. */
const perBody = 2_000;

/**
 * Sends remote write to a Vigil in a process of its own, and reads that process's CPU time and memory from its /metrics, so
 * that the sender's work is not counted. Ends when every sample is in SLO counts on disk, and compares them.
 */
export async function benchIngest({ order, seconds, memoryEverySeconds, print }: IngestBench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-bench-'));
  mkdirSync(join(folder, 'slos'));
  writeFileSync(join(folder, 'slos', 'slos.yaml'), sloDocuments());
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const vigil = spawn(process.execPath, [join(import.meta.dirname, '..', '..', 'apps', 'vigil', 'src', 'main.js')], {
    env: {
      PATH: process.env['PATH'],
      VIGIL_LISTEN: `127.0.0.1:${port}`,
      VIGIL_DATA: join(folder, 'data'),
      VIGIL_SLOS: join(folder, 'slos'),
      VIGIL_DEMO: 'off',
      VIGIL_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'inherit', 'ignore'],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  try {
    await until(async () => (await fetch(`${url}/ready`).catch(() => undefined))?.status === 200, vigil);
    const before = await processFigures(url);
    const from = performance.now();
    let round = 0;
    let peakMiB = before.residentMiB;
    const memory: MemorySample[] = [];
    const bytes = new SeriesBytes(Date.now() - 3 * 86_400_000);
    const ids = Uint32Array.from({ length: seriesCount }, (_, i) => i);
    const elapsed = (): number => (performance.now() - from) / 1_000;
    // A round is finished before the next begins: a sender keeps the order of a series' samples.
    for (; elapsed() < seconds || round < 2; round++) {
      if (order === 'shuffled') shuffle(ids, round + 1);
      const sending: Promise<void>[] = [];
      for (const body of bytes.round(round, ids, stepMs, perBody))
        sending.push(post(agent, port, await snappy.compress(body)));
      await Promise.all(sending);
      if (round % 10 === 0) {
        const { residentMiB } = await processFigures(url);
        peakMiB = Math.max(peakMiB, residentMiB);
      }
      if (memoryEverySeconds !== undefined && elapsed() >= memory.length * memoryEverySeconds) {
        const sample = { second: Math.round(elapsed()), ...(await memoryOf(url, vigil.pid!)) };
        memory.push(sample);
        print({ bench: 'ingest', order, points: (round + 1) * seriesCount, ...sample });
      }
    }
    await until(async () => {
      const { lag, uncommitted } = await processFigures(url);
      return lag === 0 && uncommitted === 0;
    }, vigil);
    const wall = elapsed();
    const after = await processFigures(url);
    const { items } = (await (await fetch(`${url}/api/v1/slos`)).json()) as { items: SloStatus[] };
    const expected = expectedCounts(round);
    const wrong = items.filter(({ good, total }) => good !== expected.good || total !== expected.total);
    const points = round * seriesCount;
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    print({
      bench: 'ingest',
      order,
      points,
      series: seriesCount,
      slos: sloCount,
      seconds: round2(wall),
      cpuSeconds: round2(cpuSeconds),
      pointsPerSecond: Math.round(points / wall),
      pointsPerCpuSecond: Math.round(points / cpuSeconds),
      peakMiB: Math.round(Math.max(peakMiB, after.residentMiB)),
      countsVerified: wrong.length === 0 && items.length === sloCount,
    });
    // The first third fills rings and caches, once.
    const settled = memory.filter(({ second }) => second > seconds / 3);
    if (settled.length > 1) print({ bench: 'ingest', order, ...slopesOf(settled) });
    if (wrong.length > 0) {
      const [first] = wrong;
      throw new Error(
        `counts differ: ${first!.name} has ${first!.good}/${first!.total}, sent were ${expected.good}/${expected.total}`,
      );
    }
  } finally {
    agent.destroy();
    vigil.kill('SIGTERM');
    await new Promise((resolve) => (vigil.exitCode === null ? vigil.once('exit', resolve) : resolve(undefined)));
    rmSync(folder, { recursive: true, force: true });
  }
}

function post(agent: Agent, port: number, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'content-length': body.length,
    };
    const outgoing = request(
      { agent, host: '127.0.0.1', port, path: '/api/v1/write', method: 'POST', headers },
      (answer) => {
        answer.resume();
        answer.once('end', () =>
          answer.statusCode === 204 ? resolve() : reject(new Error(`remote write: ${answer.statusCode}`)),
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function processFigures(
  url: string,
): Promise<{ cpuSeconds: number; residentMiB: number; lag: number; uncommitted: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1) ?? NaN,
    );
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    residentMiB: value('process_resident_memory_bytes') / 2 ** 20,
    lag: value('vigil_processor_lag_records{processor="slo"}'),
    uncommitted: value('vigil_processor_uncommitted_records{processor="slo"}'),
  };
}

async function until(done: () => Promise<boolean>, vigil: ChildProcess): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await done())) {
    if (vigil.exitCode !== null) throw new Error(`vigil ended with ${vigil.exitCode}`);
    if (performance.now() > deadline) throw new Error('vigil did not get there within 120 s');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Fisher and Yates with a small generator: the same every time. */
function shuffle(ids: Uint32Array, seed: number): void {
  let state = seed;
  for (let i = ids.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = state % (i + 1);
    [ids[i], ids[j]] = [ids[j]!, ids[i]!];
  }
}

const round2 = (value: number): number => Math.round(value * 100) / 100;
