import { afterAll, beforeAll } from '@jest/globals';
import { KafkaLog, PostgresStateStore, RelationalStore } from '@vigil/platform';
import { logContract } from '../libs/platform/src/testing/log-contract.js';
import { relationalContract } from '../libs/platform/src/testing/relational-contract.js';
import { stateContract } from '../libs/platform/src/testing/state-contract.js';
import { describeWith, type Postgres, programs, type Service, startKafka, startPostgres } from './real/services.js';

describeWith([programs.kafka], 'Apache Kafka', () => {
  let kafka: Service | undefined;
  let topics = 0;
  beforeAll(async () => void (kafka = await startKafka()));
  afterAll(() => kafka?.stop());

  logContract('KafkaLog', async () => {
    const topic = `contract-${topics++}`;
    return {
      open: () =>
        KafkaLog.connect({ brokers: [kafka!.address], clientId: 'contract', partitions: 3, topics: [topic], lingerMs: 5 }),
      topic: () => topic,
      dispose: () => Promise.resolve(),
    };
  });
});

describeWith([programs.postgres], 'PostgreSQL', () => {
  let postgres: Postgres | undefined;
  beforeAll(async () => void (postgres = await startPostgres()));
  afterAll(() => postgres?.stop());

  stateContract('PostgresStateStore', async () => {
    const relational = await RelationalStore.open({ databaseUrl: await postgres!.database('state') });
    return { store: new PostgresStateStore(relational), close: () => relational.close() };
  });

  relationalContract('PostgreSQL', async () =>
    RelationalStore.open({ databaseUrl: await postgres!.database('relational') }),
  );
});
