import { errorFunction } from 'simple-statistics';

/** How the shop behaves: shared by its processes, its load and the quiet past that it starts from. */

/** The shop's day, which lasts five minutes. */
export const dayMs = 300_000;
const meanRate = 60;
const swing = 8;

/** Requests a second at a time of the day. */
export function requestRate(timeMs: number): number {
  return meanRate + swing * Math.sin((2 * Math.PI * timeMs) / dayMs);
}

/** Requests a replica of checkout works on at once. */
export const workersPerReplica = 2;
const serviceSeconds = 0.025;
const spread = 0.25;

/** How long a request takes once it is worked on: log-normal around 25 ms. @param normal a standard normal number. */
export function serviceTimeMs(normal: number, slowdown: number): number {
  return 1_000 * serviceSeconds * slowdown * Math.exp(spread * normal);
}

/** Share of the requests of a healthy shop without a queue that are done within so many seconds. */
export function shareWithin(seconds: number): number {
  return (1 + errorFunction(Math.log(seconds / serviceSeconds) / spread / Math.SQRT2)) / 2;
}

/** Share of requests that fail although nothing is broken. */
export const quietErrorRatio = 0.002;

export const latencyBuckets = [0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5];

export const checkoutReplicas = { usual: 3, min: 1, max: 6 } as const;

export const faults = ['latency', 'errors', 'leak'] as const;
export type Fault = (typeof faults)[number];

/** What a replica is told to be like. */
export interface Condition {
  /** The payment provider answers so many times slower. */
  readonly slowdown: number;
  readonly errorRatio: number;
  readonly leakBytesPerSecond: number;
}

export const healthy: Condition = { slowdown: 1, errorRatio: quietErrorRatio, leakBytesPerSecond: 0 };

/** A standard normal number of two uniform ones (Box and Muller, 1958). */
export function standardNormal(u: number, v: number): number {
  return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
}
