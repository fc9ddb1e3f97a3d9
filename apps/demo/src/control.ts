import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Condition, type Fault, healthy } from './shop.js';

interface Registered {
  readonly pid: number;
  readonly port: number;
}

interface Broken {
  readonly fault: Fault;
  /** The process that is broken; its successor is not. Undefined: all of them, for what lies outside of them. */
  readonly pid: number | undefined;
}

/** What each fault does to a replica. */
const conditions: Readonly<Record<Fault, Condition>> = {
  latency: { ...healthy, slowdown: 5 },
  errors: { ...healthy, errorRatio: 0.7 },
  leak: { ...healthy, leakBytesPerSecond: 12 * 2 ** 20 },
};

/**
 * What the shop's processes ask: where the others are and how they shall behave; and the pager that takes Vigil's
 * notifications. On loopback, on a port of its own.
 */
export class DemoControl {
  readonly #instances = new Map<string, Registered>();
  readonly #waiting = new Map<string, () => void>();
  readonly #server: Server;
  #broken: Broken | undefined;
  /** Notifications that the pager took. */
  pages = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async listen(): Promise<DemoControl> {
    const control = new DemoControl();
    await new Promise<void>((resolve) => control.#server.listen(0, '127.0.0.1', resolve));
    return control;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get fault(): Fault | undefined {
    return this.#broken?.fault;
  }

  /** Breaks the shop: one replica of checkout, or what all of them call. @returns the replica, where it is one. */
  break(fault: Fault, instances: readonly string[]): string | undefined {
    // The oldest: a detector knows what is usual for it.
    const instance = fault === 'latency' ? undefined : instances[0];
    this.#broken = { fault, pid: instance === undefined ? undefined : this.#instances.get(instance)?.pid };
    return instance;
  }

  heal(): void {
    this.#broken = undefined;
  }

  /** Resolves when the instance serves; forgets what it was before. */
  async registered(instance: string, timeoutMs: number): Promise<void> {
    // A broken process that is no more has taken its fault along.
    const gone = this.#instances.get(instance)?.pid;
    if (gone !== undefined && gone === this.#broken?.pid) this.heal();
    this.#instances.delete(instance);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${instance} did not serve within ${timeoutMs} ms`)), timeoutMs);
    });
    const came = new Promise<void>((resolve) => this.#waiting.set(instance, resolve));
    await Promise.race([came, late]).finally(() => clearTimeout(timer));
  }

  forget(instance: string): void {
    this.#instances.delete(instance);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #condition(pid: number): Condition {
    const broken = this.#broken;
    return broken !== undefined && (broken.pid === undefined || broken.pid === pid)
      ? conditions[broken.fault]
      : healthy;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const query = (name: string): string => url.searchParams.get(name) ?? '';
    const json = (body: unknown): void => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    };
    request.resume();
    switch (url.pathname) {
      case '/register':
        this.#instances.set(query('instance'), { pid: Number(query('pid')), port: Number(query('port')) });
        this.#waiting.get(query('instance'))?.();
        this.#waiting.delete(query('instance'));
        json({});
        return;
      case '/leave':
        this.forget(query('instance'));
        json({});
        return;
      case '/condition':
        json(this.#condition(Number(query('pid'))));
        return;
      case '/ports':
        json(
          [...this.#instances]
            .filter(([instance]) => instance.startsWith(`${query('group')}-`))
            .map(([, { port }]) => port),
        );
        return;
      case '/pager':
        this.pages++;
        json({});
        return;
      default:
        response.statusCode = 404;
        response.end();
    }
  }
}
