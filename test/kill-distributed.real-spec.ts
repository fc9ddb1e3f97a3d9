import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectExactly, killInStream } from './real/kill-in-stream.js';
import { describeWith, type Postgres, programs, type Service, startKafka, startPostgres } from './real/services.js';
import { shopJobs } from './real/shop-counters.js';
import { sloOf, VigilProcess } from './real/vigil.js';

describeWith([programs.kafka, programs.postgres], 'Vigil on Kafka and PostgreSQL', () => {
  let kafka: Service | undefined;
  let postgres: Postgres | undefined;
  let vigil: VigilProcess | undefined;
  beforeAll(async () => {
    [kafka, postgres] = [await startKafka(), await startPostgres()];
  });
  afterAll(async () => {
    await vigil?.dispose();
    await kafka?.stop();
    await postgres?.stop();
  });

  it('killed three times in mid-stream, it counts exactly what was sent', async () => {
    vigil = await VigilProcess.start(shopJobs.map((job) => sloOf(job)).join(''), {
      KAFKA_BROKERS: kafka!.address,
      KAFKA_PARTITIONS: '5',
      DATABASE_URL: await postgres!.database('vigil'),
    });
    const { shop, resent, kills } = await killInStream(vigil, { seed: 3, rounds: 240, killAt: [40, 110, 190] });
    expect(kills).toBe(3);
    expect(shop.resets).toBeGreaterThan(50);
    expect(resent).toBeGreaterThan(0);
    await expectExactly(vigil, shop);

    const { ms, exitCode } = await vigil.stop();
    expect({ exitCode, quick: ms < 10_000 }).toEqual({ exitCode: 0, quick: true });
    await vigil.restart();
    await expectExactly(vigil, shop);
  });
});
