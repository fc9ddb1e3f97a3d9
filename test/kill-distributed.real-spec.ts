import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { killInStream } from './real/kill-in-stream.js';
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
    const stream = await killInStream(vigil, { seed: 3, rounds: 240, killAt: [40, 110, 190] });
    expect(stream).toMatchObject({ kills: 3 });
    expect(stream.resets).toBeGreaterThan(50);
    expect(stream.resent).toBeGreaterThan(3);
    expect(await vigil.settledCounts(stream.expected)).toEqual(stream.expected);

    const { ms, exitCode } = await vigil.stop();
    expect({ exitCode, quick: ms < 10_000 }).toEqual({ exitCode: 0, quick: true });
    await vigil.restart();
    expect(await vigil.settledCounts(stream.expected)).toEqual(stream.expected);
  });
});
