import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

interface Reply {
  readonly id: number;
  readonly rows?: Record<string, unknown>[];
  readonly affected?: number;
  readonly error?: { message: string; code?: string; detail?: string; constraint?: string; table?: string };
}

interface QueryResult {
  rows: Record<string, unknown>[];
  rowCount: number;
  command: string;
}

/** PGlite behind a worker thread, with its one session leased to one connection at a time. */
export class PgliteSession {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>();
  #nextId = 1;
  #tail: Promise<void> = Promise.resolve();

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve(reply);
      else waiting?.reject(Object.assign(new Error(reply.error.message), reply.error));
    });
    worker.on('error', (error) => {
      for (const { reject } of this.#waiting.values()) reject(error as Error);
      this.#waiting.clear();
    });
  }

  /** Opens (or makes, which takes some seconds) the data folder; undefined: in memory, for tests. */
  static async open(dataDir: string | undefined): Promise<PgliteSession> {
    const here = dirname(fileURLToPath(import.meta.url));
    const require = createRequire(import.meta.url);
    const worker = new Worker(join(here, 'pglite-worker.cjs'), {
      workerData: {
        pglite: pathToFileURL(require.resolve('@electric-sql/pglite')).href,
        dataDir: dataDir ?? 'memory://',
      },
    });
    const session = new PgliteSession(worker);
    await new Promise<void>((resolve, reject) => {
      session.#waiting.set(0, { resolve: () => resolve(), reject });
    });
    return session;
  }

  async query(sql: string, params: readonly unknown[] | undefined): Promise<QueryResult> {
    const id = this.#nextId++;
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, sql, params });
    });
    const command = /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? '';
    const rows = reply.rows ?? [];
    return { rows, rowCount: rows.length > 0 ? rows.length : (reply.affected ?? 0), command };
  }

  /** Waits until the session is free and keeps it until the returned function is called. */
  async lease(): Promise<() => void> {
    const before = this.#tail;
    let free = (): void => undefined;
    this.#tail = new Promise((resolve) => (free = resolve));
    await before;
    return free;
  }

  async close(): Promise<void> {
    const id = this.#nextId++;
    await new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, close: true });
    });
    await this.#worker.terminate();
  }
}

type Callback = (error: Error | undefined, connection?: PgliteConnection, release?: () => void) => void;

class PgliteConnection extends EventEmitter {
  constructor(private readonly session: PgliteSession) {
    super();
  }
  query(sql: string, params?: readonly unknown[]): Promise<QueryResult> {
    return this.session.query(sql, params);
  }
}

/**
 * The `pg` module as TypeORM's postgres driver uses it (its `driver` option), over one PGlite session. A connection
 * holds the session from connect to release: transactions of different callers never mix.
 */
export function pgliteDriver(session: PgliteSession): { Pool: unknown } {
  class Pool extends EventEmitter {
    connect(callback: Callback): void {
      session.lease().then(
        (free) => callback(undefined, new PgliteConnection(session), free),
        (error: unknown) => callback(error as Error),
      );
    }
    end(callback: (error?: Error) => void): void {
      session.close().then(() => callback(), callback);
    }
  }
  return { Pool };
}
