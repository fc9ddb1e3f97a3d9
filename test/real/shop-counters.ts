import { encodeRemoteWrite, type WriteSeries } from '@vigil/telemetry';
import type { SloHistory } from '@vigil/contracts';
import type { Counts } from './vigil.js';

/** A small generator of numbers from 0 to 1: the same seed, the same test. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Increment {
  readonly timestampMs: number;
  readonly good: number;
  readonly total: number;
}

interface Counter {
  readonly labels: Record<string, string>;
  readonly isBad: boolean;
  value: number;
}

const jobs = ['checkout', 'search', 'cart'] as const;
export const shopJobs: readonly string[] = jobs;
const podsPerJob = 4;
const codes = ['200', '404', '500'];
const stepMs = 5_000;

/**
 * Counters of a shop whose pods restart now and then, so that their counters fall to little; what they have counted in
 * truth is known. Each round is one scrape of all of them, cut into bodies in an order of chance.
 */
export class ShopCounters {
  readonly #counters: Counter[];
  readonly #increments = new Map<string, Increment[]>(jobs.map((job) => [job, []]));
  #rounds = 0;
  resets = 0;

  constructor(
    private readonly startMs: number,
    private readonly next: () => number,
  ) {
    this.#counters = jobs.flatMap((job) =>
      Array.from({ length: podsPerJob }, (_, pod) =>
        codes.map((code) => ({
          labels: { __name__: 'http_requests_total', job, pod: `${job}-${pod}`, code },
          isBad: code === '500',
          value: Math.floor(next() * 1_000),
        })),
      ).flat(),
    );
  }

  /** The bodies of the next scrape. */
  round(): Uint8Array[] {
    const timestampMs = this.startMs + this.#rounds * stepMs;
    if (this.#rounds > 0) for (const counter of this.#counters) this.#advance(counter, timestampMs);
    this.#rounds += 1;
    const series: WriteSeries[] = this.#counters.map(({ labels, value }) => ({
      labels,
      samples: [{ timestampMs, value }],
    }));
    return this.#cut(this.#shuffled(series)).map((part) => encodeRemoteWrite(part));
  }

  expected(): Counts {
    return Object.fromEntries([...this.#increments].map(([job, increments]) => [job, sumOf(increments)]));
  }

  /**
   * The same by steps, as a job's history tells it. A lost sample of a counter leaves the sum as it is and moves events
   * to a later step.
   */
  expectedSteps(job: string, { stepMs, points }: SloHistory): { t: number; good: number; total: number }[] {
    const increments = this.#increments.get(job) ?? [];
    return points.map(({ t }) => ({
      t,
      ...sumOf(increments.filter(({ timestampMs }) => timestampMs > t - stepMs && timestampMs <= t)),
    }));
  }

  #advance(counter: Counter, timestampMs: number): void {
    let delta = Math.floor(this.next() * 20);
    if (this.next() < 0.02 && counter.value > 0) {
      // A restarted pod counts from zero: what it has is what it did since.
      delta = Math.floor(this.next() * Math.min(20, counter.value));
      counter.value = delta;
      this.resets += 1;
    } else counter.value += delta;
    const increment = { timestampMs, good: counter.isBad ? 0 : delta, total: delta };
    this.#increments.get(counter.labels['job']!)!.push(increment);
  }

  #shuffled(series: WriteSeries[]): WriteSeries[] {
    for (let i = series.length - 1; i > 0; i--) {
      const j = Math.floor(this.next() * (i + 1));
      [series[i], series[j]] = [series[j]!, series[i]!];
    }
    return series;
  }

  #cut(series: WriteSeries[]): WriteSeries[][] {
    const bodies: WriteSeries[][] = [];
    for (let at = 0; at < series.length;) {
      const size = 1 + Math.floor(this.next() * 12);
      bodies.push(series.slice(at, at + size));
      at += size;
    }
    return bodies;
  }
}

function sumOf(increments: readonly Increment[]): { good: number; total: number } {
  return increments.reduce((sum, { good, total }) => ({ good: sum.good + good, total: sum.total + total }), {
    good: 0,
    total: 0,
  });
}
