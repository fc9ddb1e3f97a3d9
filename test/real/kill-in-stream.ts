import { expect } from '@jest/globals';
import type { SloHistory } from '@vigil/contracts';
import { random, shopJobs, ShopCounters } from './shop-counters.js';
import type { VigilProcess } from './vigil.js';

export interface Stream {
  readonly shop: ShopCounters;
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
    const bodies = [...earlier, ...sent];
    // At the very moment of an acknowledgement: whatever it stands on must be on disk by now.
    let untilKill = killAt.includes(round) ? Math.floor(next() * bodies.length) : undefined;
    const attempts = bodies.map(async (body) => {
      const count = await vigil.write(body);
      if (untilKill !== undefined && untilKill-- === 0) {
        kills += 1;
        killing = vigil.kill().then(() => vigil.restart());
      }
      return count;
    });
    resent += (await Promise.all(attempts)).reduce((sum, count) => sum + count - 1, 0);
  }
  await killing;
  return { shop, resent, kills };
}

/** Sums and steps of every SLO, to the event. */
export async function expectExactly(vigil: VigilProcess, shop: ShopCounters): Promise<void> {
  expect(await vigil.settledCounts(shop.expected())).toEqual(shop.expected());
  for (const job of shopJobs) {
    const history = await vigil.get<SloHistory>(`/api/v1/slos/${job}/history?points=240`);
    const steps = history.points.map(({ t, good, total }) => ({ t, good, total }));
    expect(steps).toEqual(shop.expectedSteps(job, history));
  }
}
