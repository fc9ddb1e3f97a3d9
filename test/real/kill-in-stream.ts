import { random, ShopCounters } from './shop-counters.js';
import type { Counts, VigilProcess } from './vigil.js';

export interface Stream {
  readonly expected: Counts;
  readonly resets: number;
  /** Sendings that got no answer or no 2xx and were made again. */
  readonly resent: number;
  readonly kills: number;
}

/**
 * Streams a shop's counters into Vigil and kills it in mid-stream. The sender knows nothing of that: what is not
 * acknowledged it sends again, and now and then it sends again what was.
 */
export async function killInStream(
  vigil: VigilProcess,
  { seed, rounds, killAt }: { seed: number; rounds: number; killAt: readonly number[] },
): Promise<Stream> {
  const next = random(seed);
  const shop = new ShopCounters(Date.now() - rounds * 5_000, next);
  let resent = 0;
  let sent: readonly Uint8Array[] = [];
  let killing: Promise<void> | undefined;
  let kills = 0;
  for (let round = 0; round < rounds; round++) {
    const earlier = next() < 0.2 ? sent : [];
    sent = shop.round();
    if (killAt.includes(round)) {
      await killing;
      kills += 1;
      killing = killWhileSending(vigil, Math.floor(next() * 40));
    }
    const attempts = await Promise.all([...earlier, ...sent].map((body) => vigil.write(body)));
    resent += attempts.reduce((sum, count) => sum + count - 1, 0);
  }
  await killing;
  return { expected: shop.expected(), resets: shop.resets, resent, kills };
}

async function killWhileSending(vigil: VigilProcess, afterMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await vigil.kill();
  await vigil.restart();
}
