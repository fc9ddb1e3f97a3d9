import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { topics } from '@vigil/contracts';
import { encodeRemoteWrite } from '@vigil/telemetry';
import kafkajs, { type Admin, type Producer } from 'kafkajs';
import pg from 'pg';
import snappy from 'snappy';
import { jsonBodies, type Requests, sdkBodies } from './real/otlp-senders.js';
import { until } from './real/process.js';
import {
  describeWith,
  type Postgres,
  programs,
  readTopic,
  type Service,
  startKafka,
  startPostgres,
} from './real/services.js';
import { type Counts, sloOf, VigilProcess } from './real/vigil.js';

const intervals: readonly Requests[] = [
  { '200': 100, '500': 3 },
  { '200': 250, '404': 7 },
  { '200': 50, '500': 40 },
  { '200': 1, '404': 2, '500': 5 },
];
const total = intervals.flatMap((interval) => Object.values(interval)).reduce((sum, count) => sum + count, 0);
const bad = intervals.reduce((sum, interval) => sum + (interval['500'] ?? 0), 0);

/** Remote write says nothing of a start: a zero comes first, as the baseline. */
function writeBodies(job: string, startMs: number): Uint8Array[] {
  const sums: Record<string, number> = { '200': 0, '404': 0, '500': 0 };
  return [{}, ...intervals].map((interval: Requests, i) => {
    for (const [code, count] of Object.entries(interval)) sums[code]! += count;
    return encodeRemoteWrite(
      Object.entries(sums).map(([code, value]) => ({
        labels: { __name__: 'http_requests_total', job, code },
        samples: [{ timestampMs: startMs + i * 1_000, value }],
      })),
    );
  });
}

const posted = ['posted-proto', 'posted-json', 'posted-write'] as const;
const read = ['read-proto', 'read-json', 'read-write'] as const;
const sources = { 'shop-proto': 'otlp_proto', 'shop-json': 'otlp_json', 'shop-write': 'remote_write' } as const;

describeWith([programs.kafka, programs.postgres, programs.kcat], 'metrics through Kafka into PostgreSQL', () => {
  let kafka: Service | undefined;
  let postgres: Postgres | undefined;
  let databaseUrl: string;
  let vigil: VigilProcess | undefined;
  let admin: Admin;
  let producer: Producer;
  const startMs = Date.now() - 60_000;
  const counts: Counts = Object.fromEntries([...posted, ...read].map((job) => [job, { good: total - bad, total }]));

  beforeAll(async () => {
    [kafka, postgres] = [await startKafka(), await startPostgres()];
    databaseUrl = await postgres.database('vigil');
    const client = new kafkajs.Kafka({ brokers: [kafka.address], logLevel: kafkajs.logLevel.NOTHING });
    admin = client.admin();
    producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await admin.connect();
    await producer.connect();
    await admin.createTopics({ topics: Object.keys(sources).map((topic) => ({ topic, numPartitions: 2 })) });
    vigil = await VigilProcess.start([...posted, ...read].map((job) => sloOf(job)).join(''), {
      KAFKA_BROKERS: kafka.address,
      KAFKA_PARTITIONS: '4',
      DATABASE_URL: databaseUrl,
      VIGIL_SOURCES_KAFKA: `${kafka.address}|${Object.entries(sources)
        .map(([topic, format]) => `${topic}:${format}`)
        .join(',')}`,
    });
  });
  afterAll(async () => {
    await vigil?.dispose();
    await producer?.disconnect();
    await admin?.disconnect();
    await kafka?.stop();
    await postgres?.stop();
  });

  const produce = (topic: keyof typeof sources, values: readonly (Uint8Array | string)[]): Promise<unknown> =>
    producer.send({ topic, messages: values.map((value) => ({ value: Buffer.from(value as string) })) });
  const countsOf = async (jobs: readonly string[]): Promise<Counts> => {
    const wanted = Object.fromEntries(jobs.map((job) => [job, counts[job]!]));
    const settled = await vigil!.settledCounts(wanted);
    return Object.fromEntries(jobs.map((job) => [job, settled[job]!]));
  };
  const expectCounts = async (jobs: readonly string[]): Promise<void> => {
    expect(await countsOf(jobs)).toEqual(Object.fromEntries(jobs.map((job) => [job, counts[job]])));
  };
  const deadLetters = (): { source: string; format: string; reason: string; body: string }[] =>
    readTopic(kafka!.address, topics.deadLetters).map((line) => JSON.parse(line) as ReturnType<typeof deadLetters>[0]);

  it('counts what is posted as OTLP protobuf, OTLP JSON and remote write', async () => {
    for (const body of await sdkBodies('posted-proto', intervals)) {
      expect((await vigil!.post('/v1/metrics', body, { 'content-type': 'application/x-protobuf' })).status).toBe(200);
    }
    for (const body of jsonBodies('posted-json', intervals, startMs)) {
      expect((await vigil!.post('/v1/metrics', body, { 'content-type': 'application/json' })).status).toBe(200);
    }
    for (const body of writeBodies('posted-write', startMs)) await vigil!.write(body);
    await expectCounts(posted);
  });

  it('counts what it reads from topics of others, and keeps what is broken as dead letters', async () => {
    const [first, ...rest] = await sdkBodies('read-proto', intervals);
    await produce('shop-proto', [first!, Buffer.from([0x0a, 0x7f, 0x01]), ...rest]);
    const json = jsonBodies('read-json', intervals, startMs);
    await produce('shop-json', [...json.slice(0, 2), '{"resourceMetrics":[{', ...json.slice(2)]);
    // As it is, and as it is posted.
    const written = writeBodies('read-write', startMs);
    await produce(
      'shop-write',
      written.map((body, i) => (i % 2 === 0 ? body : snappy.compressSync(Buffer.from(body)))),
    );
    await expectCounts(read);

    const letters = await until(
      'two dead letters',
      async () => deadLetters(),
      (seen) => seen.length >= 2,
    );
    expect(letters).toHaveLength(2);
    const proto = letters.find(({ format }) => format === 'otlp-protobuf')!;
    expect(proto.source).toMatch(/^shop-proto\/\d@\d+$/);
    expect(Buffer.from(proto.body, 'base64')).toEqual(Buffer.from([0x0a, 0x7f, 0x01]));
    expect(proto.reason.length).toBeGreaterThan(0);
    expect(letters.some(({ format }) => format === 'otlp-json')).toBe(true);
  });

  it('has all of it in PostgreSQL, beside the offsets that Kafka ends at', async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    const heads = await client.query<{ shard: string; next_offset: string }>(
      `SELECT shard, next_offset FROM processor_head WHERE shard LIKE 'slo/%' ORDER BY shard`,
    );
    const pages = await client.query(`SELECT key FROM processor_page WHERE key LIKE 'counts/%'`);
    await client.end();
    const ends = await admin.fetchTopicOffsets(topics.samples);
    expect(Object.fromEntries(heads.rows.map(({ shard, next_offset }) => [shard, next_offset]))).toEqual(
      Object.fromEntries(ends.map(({ partition, high }) => [`slo/${topics.samples}/${partition}`, high])),
    );
    expect(ends.filter(({ high }) => Number(high) > 0).length).toBeGreaterThan(1);
    expect(pages.rowCount).toBeGreaterThan(0);
  });

  it('carries on after a stop: the same counts at once, then what came to the topics meanwhile', async () => {
    expect((await vigil!.stop()).exitCode).toBe(0);
    const more = 11;
    const answered = intervals.reduce((sum, interval) => sum + (interval['200'] ?? 0), 0);
    const series = {
      labels: { __name__: 'http_requests_total', job: 'read-write', code: '200' },
      samples: [{ timestampMs: startMs + 20_000, value: answered + more }],
    };
    await produce('shop-write', [encodeRemoteWrite([series])]);
    await vigil!.restart();
    await expectCounts([...posted, 'read-proto', 'read-json']);
    const expected = { good: counts['read-write']!.good + more, total: total + more };
    expect((await vigil!.settledCounts({ 'read-write': expected }))['read-write']).toEqual(expected);
    // Nothing broken was read a second time.
    expect(deadLetters()).toHaveLength(2);
  });
});
