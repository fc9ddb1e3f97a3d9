/**
 * The first start as a newcomer has it: a bare copy of what is committed, `npm start`, and the demo's story told once;
 * then a stop by SIGTERM and a second start from the data. Node's built-ins only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './lib/prepare.mjs';

/** What the terminal tells. */
const story = ['budget burning', 'anomaly seen', 'page sent', 'action chosen', 'recovery verified', 'budget saved'];
const kinds = ['signal', 'alert', 'notification', 'action', 'demo'];
const limits = { firstReadyMs: 240_000, storyMs: 300_000, stopMs: 20_000, secondReadyMs: 20_000 };

const folder = mkdtempSync(join(tmpdir(), 'vigil-first-'));
const listen = `127.0.0.1:${await freePort()}`;
const url = `http://${listen}`;
const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;
let running;

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function copyWhatIsCommitted() {
  const archive = spawnSync('git', ['archive', '--format=tar', 'HEAD'], { cwd: root, maxBuffer: 2 ** 30 });
  if (archive.status !== 0) throw new Error(`git archive failed: ${archive.stderr}`);
  const { status, stderr } = spawnSync('tar', ['-x', '-C', folder], { input: archive.stdout });
  if (status !== 0) throw new Error(`tar failed: ${stderr}`);
}

/** `npm start` in a process group of its own, so that nothing of it outlives this script. */
function start() {
  const child = spawn('npm', ['start'], {
    cwd: folder,
    env: { ...process.env, VIGIL_LISTEN: listen },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const started = { child, from: performance.now(), output: '', exit: undefined };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      started.output += chunk;
      process.stderr.write(chunk);
    });
  }
  child.once('exit', (code, signal) => (started.exit = { code, signal }));
  running = started;
  return started;
}

async function until(what, withinMs, look) {
  const from = performance.now();
  for (;;) {
    const seen = await look();
    if (seen) return performance.now() - from;
    if (performance.now() - from > withinMs) throw new Error(`${what}: not within ${seconds(withinMs)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const isReady = () =>
  fetch(`${url}/ready`).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Whether each chapter has its timed line; which one comes first is up to what happened. */
function told(output) {
  const lines = output.split('\n');
  const missing = story.filter((words) => !lines.some((line) => new RegExp(`\\d\\d:\\d\\d  ${words}`).test(line)));
  return { done: missing.length === 0, missing: missing.join("', '") };
}

async function readTimeline() {
  const answer = await fetch(`${url}/api/v1/timeline`);
  if (answer.status !== 200) throw new Error(`/api/v1/timeline answers ${answer.status}: ${await answer.text()}`);
  const { items } = await answer.json();
  for (const { id, at, kind, subject, body } of items) {
    const isWhole = Number.isInteger(id) && !Number.isNaN(Date.parse(at)) && kinds.includes(kind);
    if (!isWhole || typeof subject !== 'string' || typeof body !== 'object')
      throw new Error(`an entry of the timeline is none: ${JSON.stringify({ id, at, kind, subject, body })}`);
  }
  for (const kind of ['signal', 'notification', 'action']) {
    if (!items.some((item) => item.kind === kind)) throw new Error(`the timeline tells of no ${kind}`);
  }
  return items;
}

async function stop({ child }) {
  child.kill('SIGTERM');
  const ms = await until('stopping by SIGTERM', limits.stopMs, () => running.exit !== undefined);
  const { code, signal } = running.exit;
  if (code !== 0) throw new Error(`it ended with ${code ?? signal}`);
  await until('letting go of the port', 2_000, async () => !(await isReady()));
  if (!running.output.includes('vigil: stopped')) throw new Error('it ended without having drained');
  return ms;
}

function readyInTime(started, withinMs) {
  return until('getting ready', withinMs, () => {
    if (started.exit !== undefined) throw new Error(`npm start ended with ${started.exit.code}`);
    return isReady();
  });
}

try {
  copyWhatIsCommitted();
  const first = start();
  const firstMs = await readyInTime(first, limits.firstReadyMs);
  await until('the story', limits.storyMs, () => told(first.output).done).catch((error) => {
    throw new Error(`${error.message}; '${told(first.output).missing}' was not told`);
  });
  const storyMs = performance.now() - first.from;
  const items = await readTimeline();
  const stopMs = await stop(first);

  const second = start();
  const secondMs = await readyInTime(second, limits.secondReadyMs);
  const known = new Set((await readTimeline()).map(({ id }) => id));
  if (!items.every(({ id }) => known.has(id)))
    throw new Error('the second start has forgotten entries of the timeline');
  await stop(second);
  console.log(
    `first start: ready after ${seconds(firstMs)}, story told after ${seconds(storyMs)}, stopped in ${seconds(stopMs)}, ready again after ${seconds(secondMs)}`,
  );
} catch (error) {
  console.error(`first start: ${error.message}`);
  process.exitCode = 1;
} finally {
  try {
    process.kill(-running.child.pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
  rmSync(folder, { recursive: true, force: true });
}
