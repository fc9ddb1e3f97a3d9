import { afterEach, describe, expect, it } from '@jest/globals';
import { killInStream } from './real/kill-in-stream.js';
import { shopJobs } from './real/shop-counters.js';
import { sloOf, VigilProcess } from './real/vigil.js';

describe('Vigil in its embedded size', () => {
  let vigil: VigilProcess | undefined;
  afterEach(() => vigil?.dispose());

  it.each([{ seed: 1 }, { seed: 2 }])(
    'killed three times in mid-stream, it counts exactly what was sent (seed $seed)',
    async ({ seed }) => {
      vigil = await VigilProcess.start(shopJobs.map((job) => sloOf(job)).join(''));
      const stream = await killInStream(vigil, { seed, rounds: 240, killAt: [40, 110, 190] });
      expect(stream).toMatchObject({ kills: 3 });
      expect(stream.resets).toBeGreaterThan(50);
      expect(stream.resent).toBeGreaterThan(3);
      expect(await vigil.settledCounts(stream.expected)).toEqual(stream.expected);

      // And by what lies on disk alone: stopped cleanly, then killed at rest.
      const { ms, exitCode } = await vigil.stop();
      expect({ exitCode, quick: ms < 10_000 }).toEqual({ exitCode: 0, quick: true });
      await vigil.restart();
      expect(await vigil.counts()).toEqual(stream.expected);
      await vigil.kill();
      await vigil.restart();
      expect(await vigil.counts()).toEqual(stream.expected);
    },
  );
});
