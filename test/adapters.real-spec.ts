import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Assignment, type Consumption, KafkaLog, PostgresStateStore, RelationalStore } from '@vigil/platform';
import kafkajs from 'kafkajs';
import { logContract } from '../libs/platform/src/testing/log-contract.js';
import { relationalContract } from '../libs/platform/src/testing/relational-contract.js';
import { stateContract } from '../libs/platform/src/testing/state-contract.js';
import { until } from './real/process.js';
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
        KafkaLog.connect({
          brokers: [kafka!.address],
          clientId: 'contract',
          partitions: 3,
          topics: [topic],
          lingerMs: 5,
        }),
      topic: () => topic,
      dispose: () => Promise.resolve(),
    };
  });

  describe('a partition of KafkaLog', () => {
    const topic = 'owners';
    const connected = (): Promise<KafkaLog> =>
      KafkaLog.connect({ brokers: [kafka!.address], clientId: 'owners', partitions: 3, topics: [topic] });
    /** Joins the group and notes which partitions it is given, and which are taken from it. */
    const join = async (log: KafkaLog): Promise<{ owned: Map<number, Assignment>; consumption: Consumption }> => {
      const owned = new Map<number, Assignment>();
      const consumption = await log.consume({
        topic,
        group: 'owners',
        handlers: {
          assigned: (assignment) => {
            owned.set(assignment.partition, assignment);
            return Promise.resolve(0);
          },
          records: () => Promise.resolve(),
          revoked: ({ partition }) => owned.delete(partition),
        },
      });
      return { owned, consumption };
    };
    const owns = (members: readonly { owned: Map<number, Assignment> }[], counts: readonly number[]) =>
      until(
        `members own ${counts.join(' and ')} partitions`,
        () => Promise.resolve(members.map(({ owned }) => owned.size).sort()),
        (sizes) => sizes.join() === counts.join(),
      );
    const generations = ({ owned }: { owned: Map<number, Assignment> }): Set<number> =>
      new Set([...owned.values()].map(({ generation }) => generation));

    it('has one owner, known before any record comes, and each later owner a later generation', async () => {
      const [one, two] = [await connected(), await connected()];
      const first = await join(one);
      await owns([first], [3]);
      const [before] = generations(first);
      expect(before).toBeGreaterThan(0);

      const second = await join(two);
      await owns([first, second], [1, 2]);
      await until(
        'both are of one generation',
        () => Promise.resolve(generations(first)),
        (seen) => !seen.has(before!),
      );
      const [after] = generations(second);
      expect([...generations(first)]).toEqual([after]);
      expect(after).toBeGreaterThan(before!);
      expect(new Set([...first.owned.keys(), ...second.owned.keys()]).size).toBe(3);

      await one.close();
      await owns([second], [3]);
      await until(
        'the last one is of a later generation',
        () => Promise.resolve(generations(second)),
        (seen) => !seen.has(after!),
      );
      await two.close();
    });

    it('belongs to another log when its topic was made again under the old name', async () => {
      const logIds: string[] = [];
      const admin = new kafkajs.Kafka({ brokers: [kafka!.address], logLevel: kafkajs.logLevel.NOTHING }).admin();
      await admin.connect();
      for (let i = 0; i < 2; i++) {
        const log = await connected();
        const member = await join(log);
        await owns([member], [3]);
        logIds.push(member.owned.get(0)!.logId);
        await log.close();
        await admin.deleteTopics({ topics: [topic] });
        await until(
          'the topic is gone',
          () => admin.listTopics(),
          (names) => !names.includes(topic),
        );
      }
      await admin.disconnect();
      expect(logIds[0]).toMatch(/^[\w-]{22}\/[\w-]{22}$/);
      expect(logIds[1]).not.toBe(logIds[0]);
    });
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
