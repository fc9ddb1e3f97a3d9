import { requestRate } from '../shop.js';
import { Caller } from './caller.js';
import { Followed } from './follow.js';
import type { Role } from './role.js';

/** Customers: they come at random, as many as the time of the day brings (a Poisson process). */
export async function load({ control, instance }: Role): Promise<void> {
  const ports = new Followed<number[]>(`${control}/ports?group=gateway`, [], () => process.exit(1));
  const caller = new Caller(() => ports.value, 5_000);
  process.once('SIGTERM', () => process.exit(0));
  await fetch(`${control}/register?instance=${instance}&pid=${process.pid}&port=0`);
  for (let at = performance.now(); ;) {
    at += (-Math.log(1 - Math.random()) / requestRate(Date.now())) * 1_000;
    const waitMs = at - performance.now();
    // A paused machine must not be followed by a burst of everything that did not come.
    if (waitMs < -1_000) at = performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (ports.value.length > 0) void caller.call();
  }
}
