import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { createServer } from 'node:net';

/** Lines of a process's output that are kept to be shown when it fails. */
const keptLines = 60;

export interface StartOptions extends Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> {
  /** The signal that stops it cleanly. */
  readonly stopSignal?: NodeJS.Signals;
  /** How long it may take to become ready. */
  readonly readyWithinMs?: number;
}

/** A program that a test runs: started, watched until ready, stopped or killed; its last words are shown when it fails. */
export class RunningProcess {
  readonly #lines: string[] = [];
  readonly #exited: Promise<void>;
  #isStopping = false;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    private readonly options: StartOptions,
  ) {
    const keep = (chunk: Buffer): void => {
      this.#lines.push(...chunk.toString().split('\n').filter(Boolean));
      this.#lines.splice(0, this.#lines.length - keptLines);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.once('error', (error) => this.#lines.push(String(error)));
    this.#exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        if (!this.#isStopping) console.error(this.#epitaph(`ended by itself (${signal ?? code})`));
        resolve();
      });
    });
  }

  /** @throws Error with the last lines of its output when it ends, or is not ready in time. */
  static async start(
    name: string,
    command: string,
    args: readonly string[],
    isReady: () => Promise<boolean>,
    options: StartOptions = {},
  ): Promise<RunningProcess> {
    const { stopSignal, readyWithinMs = 60_000, ...spawnOptions } = options;
    const child = spawn(command, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] });
    const running = new RunningProcess(name, child, { stopSignal: stopSignal ?? 'SIGTERM', readyWithinMs });
    try {
      await running.#until(isReady, readyWithinMs);
    } catch (error) {
      await running.kill();
      throw error;
    }
    return running;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined;
  }

  get exitCode(): number | null {
    return this.child.exitCode;
  }

  get output(): readonly string[] {
    return this.#lines;
  }

  /** Asks it to end and waits. @returns how long that took, ms. @throws Error when it does not end in 30 s. */
  async stop(): Promise<number> {
    const from = performance.now();
    this.#isStopping = true;
    if (!this.hasEnded) this.child.kill(this.options.stopSignal);
    const ended = await Promise.race([this.#exited.then(() => true), delay(30_000).then(() => false)]);
    if (!ended) {
      this.child.kill('SIGKILL');
      await this.#exited;
      throw new Error(this.#epitaph('did not stop within 30 s'));
    }
    return performance.now() - from;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.#isStopping = true;
    if (!this.hasEnded) this.child.kill('SIGKILL');
    if (this.child.pid !== undefined) await this.#exited;
  }

  async #until(isReady: () => Promise<boolean>, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await isReady().catch(() => false))) {
      if (this.hasEnded) throw new Error(this.#epitaph('ended before it was ready'));
      if (performance.now() > deadline) throw new Error(this.#epitaph(`was not ready within ${withinMs} ms`));
      await delay(50);
    }
  }

  #epitaph(what: string): string {
    return `${this.name} ${what}; its last lines:\n  ${this.#lines.join('\n  ')}`;
  }
}

export const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    // A lost race must not hold the test process open.
    setTimeout(resolve, ms).unref();
  });

/** Waits for what a service says of itself. @throws Error naming `what`, and what was seen last. */
export async function until<Seen>(
  what: string,
  look: () => Promise<Seen>,
  isThere: (seen: Seen) => boolean,
  withinMs = 60_000,
): Promise<Seen> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (isThere(seen)) return seen;
    if (performance.now() > deadline)
      throw new Error(`gave up after ${withinMs} ms waiting until ${what}; seen last: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A port of loopback that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Whether an HTTP service answers 200 there. */
export async function answers(url: string): Promise<boolean> {
  return (await fetch(url)).status === 200;
}
