import { afterEach, describe, expect, it } from '@jest/globals';
import { expectExactly, killInStream } from './real/kill-in-stream.js';
import { shopJobs } from './real/shop-counters.js';
import { sloOf, VigilProcess } from './real/vigil.js';

describe('Vigil in its embedded size', () => {
  let vigil: VigilProcess | undefined;
  afterEach(() => vigil?.dispose());

  it.each([{ seed: 1 }, { seed: 2 }])(
    'killed three times in mid-stream, it counts exactly what was sent (seed $seed)',
    async ({ seed }) => {
      vigil = await VigilProcess.start(shopJobs.map((job) => sloOf(job)).join(''));
      const { shop, resent, kills } = await killInStream(vigil, { seed, rounds: 240, killAt: [40, 110, 190] });
      expect(kills).toBe(3);
      expect(shop.resets).toBeGreaterThan(50);
      expect(resent).toBeGreaterThan(0);
      await expectExactly(vigil, shop);

      // And by what lies on disk alone: stopped cleanly, then killed at rest.
      const { ms, exitCode } = await vigil.stop();
      expect({ exitCode, quick: ms < 10_000 }).toEqual({ exitCode: 0, quick: true });
      await vigil.restart();
      await expectExactly(vigil, shop);
      await vigil.kill();
      await vigil.restart();
      await expectExactly(vigil, shop);
    },
  );
});
