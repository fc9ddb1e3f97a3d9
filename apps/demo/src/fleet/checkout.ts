import { type Condition, healthy, serviceTimeMs, standardNormal, workersPerReplica } from '../shop.js';
import { Followed } from './follow.js';
import type { Role } from './role.js';
import { serve } from './server.js';
import { startTelemetry } from './telemetry.js';

/** As a container's would: what is beyond the request may be taken away, past the limit the process is killed. */
const memoryRequestBytes = 192 * 2 ** 20;
const memoryLimitBytes = 600 * 2 ** 20;
const clientClosedRequest = 499;

/** Takes orders, two at a time; the rest waits in a queue. */
export async function checkout(role: Role): Promise<void> {
  const telemetry = startTelemetry(role);
  const condition = new Followed<Condition>(`${role.control}/condition?pid=${process.pid}`, healthy, () =>
    process.exit(1),
  );
  const workers = new Workers(workersPerReplica);
  telemetry.gauge('checkout.requests_in_flight', '{request}', () => workers.inFlight);
  telemetry.gauge('process.memory.usage', 'By', () => process.memoryUsage.rss());
  telemetry.gauge('checkout.memory_over_request', 'By', () =>
    Math.max(0, process.memoryUsage.rss() - memoryRequestBytes),
  );
  leak(() => condition.value.leakBytesPerSecond);
  await serve(role, telemetry, (gone) =>
    workers.run(async () => {
      // Whoever gave up waiting in the queue costs no work.
      if (gone.aborted) return clientClosedRequest;
      const { slowdown, errorRatio } = condition.value;
      await sleep(serviceTimeMs(standardNormal(Math.random(), Math.random()), slowdown));
      if (gone.aborted) return clientClosedRequest;
      return Math.random() < errorRatio ? 500 : 200;
    }),
  );
}

/** So many at once; others wait in the order in which they came. */
class Workers {
  #busy = 0;
  readonly #queue: (() => void)[] = [];

  constructor(private readonly count: number) {}

  get inFlight(): number {
    return this.#busy + this.#queue.length;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#busy >= this.count) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#busy++;
    try {
      return await work();
    } finally {
      this.#busy--;
      this.#queue.shift()?.();
    }
  }
}

/** Holds on to ever more memory while told to. */
function leak(bytesPerSecond: () => number): void {
  const held: Buffer[] = [];
  setInterval(() => {
    const bytes = bytesPerSecond();
    if (bytes > 0) held.push(Buffer.alloc(bytes / 2, 1));
    if (process.memoryUsage.rss() > memoryLimitBytes) process.exit(137);
  }, 500);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
