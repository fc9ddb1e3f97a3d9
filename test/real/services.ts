import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, it } from '@jest/globals';
import pg from 'pg';
import { answers, freePort, RunningProcess } from './process.js';

/** Where a service listens, and how it is ended. */
export interface Service {
  /** `host:port` or a URL, as its clients want it. */
  readonly address: string;
  stop(): Promise<void>;
}

interface Requirement {
  readonly name: string;
  /** Where it was found, or undefined. */
  readonly found: string | undefined;
  readonly hint: string;
}

const onPath = (...names: string[]): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const kafkaJars = join(process.cwd(), '.cache', 'kafka', 'libs');
const java = onPath('java');
const postgresRoot = '/usr/lib/postgresql';
const postgresBin = existsSync(postgresRoot)
  ? readdirSync(postgresRoot)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(postgresRoot, version, 'bin'))
      .find((folder) => isExecutable(join(folder, 'initdb')))
  : undefined;

/** The programs that real-service specs run; each is used from where the system installed it. */
export const programs = {
  kafka: {
    name: 'Apache Kafka',
    found: java !== undefined && existsSync(join(kafkaJars, '..', 'fetched')) ? java : undefined,
    hint: 'install Java 17 and Maven, then run `node scripts/fetch-kafka.mjs`',
  },
  postgres: { name: 'PostgreSQL', found: postgresBin, hint: 'apt-get install postgresql' },
  prometheus: { name: 'Prometheus', found: onPath('prometheus'), hint: 'apt-get install prometheus' },
  promtool: { name: 'promtool', found: onPath('promtool'), hint: 'apt-get install prometheus' },
  alertmanager: {
    name: 'Alertmanager',
    found: onPath('prometheus-alertmanager', 'alertmanager'),
    hint: 'apt-get install prometheus-alertmanager',
  },
  kcat: { name: 'kcat', found: onPath('kcat'), hint: 'apt-get install kcat' },
} satisfies Record<string, Requirement>;

/**
 * A `describe` that needs programs of the system: without them it is skipped and says which, and with
 * VIGIL_REQUIRE_REAL=1 it fails, so that the gate never passes by skipping.
 */
export function describeWith(needed: readonly Requirement[], name: string, body: () => void): void {
  const missing = needed.filter(({ found }) => found === undefined);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const words = missing.map((requirement) => `${requirement.name} is missing: ${requirement.hint}`).join('; ');
  if (process.env['VIGIL_REQUIRE_REAL'] !== '1') describe.skip(`${name} (${words})`, body);
  else
    describe(name, () => {
      it('has the services it needs', () => {
        throw new Error(words);
      });
    });
}

const temporary = (name: string): string => mkdtempSync(join(tmpdir(), `vigil-${name}-`));

function tidy(running: RunningProcess, folder: string, address: string): Service {
  return {
    address,
    async stop() {
      await running.stop().finally(() => rmSync(folder, { recursive: true, force: true }));
    },
  };
}

/** One node of Apache Kafka, broker and controller in one; its address is `host:port`. */
export async function startKafka(): Promise<Service> {
  const folder = temporary('kafka');
  const [port, controllerPort] = [await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, kafkaProperties(address, `127.0.0.1:${controllerPort}`, join(folder, 'data')));
  const classPath = join(kafkaJars, '*');
  const id = randomBytes(16).toString('base64url');
  const format = ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', properties];
  runOnce('formatting the folder of Kafka', programs.kafka.found!, format);
  const running = await RunningProcess.start(
    'Apache Kafka',
    programs.kafka.found!,
    [
      '-Xmx384m',
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-cp',
      classPath,
      'kafka.Kafka',
      properties,
    ],
    () => accepts(port),
    { cwd: folder },
  );
  return tidy(running, folder, address);
}

function kafkaProperties(address: string, controller: string, dataDir: string): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${controller}`,
    listeners: `PLAINTEXT://${address},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://${address}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataDir,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'group.initial.rebalance.delay.ms': '0',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'auto.create.topics.enable': 'false',
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

export interface Postgres extends Service {
  /** A new, empty database; answers its URL. */
  database(name: string): Promise<string>;
}

/** A PostgreSQL cluster of its own; its address is the URL of the `postgres` database. */
export async function startPostgres(): Promise<Postgres> {
  const folder = temporary('postgres');
  const owner = unprivileged();
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const bin = programs.postgres.found!;
  const init = ['-D', data, '-U', 'vigil', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  runOnce('making the PostgreSQL cluster', join(bin, 'initdb'), init, { ...owner, cwd: folder });
  const port = await freePort();
  const urlOf = (name: string): string => `postgres://vigil@127.0.0.1:${port}/${name}`;
  const running = await RunningProcess.start(
    'PostgreSQL',
    join(bin, 'postgres'),
    ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder],
    () => ask(urlOf('postgres'), 'SELECT 1'),
    // A fast shutdown: clients of a killed Vigil must not hold it up.
    { ...owner, cwd: folder, stopSignal: 'SIGINT' },
  );
  return {
    ...tidy(running, folder, urlOf('postgres')),
    async database(name) {
      await ask(urlOf('postgres'), `CREATE DATABASE "${name}"`);
      return urlOf(name);
    },
  };
}

/** PostgreSQL refuses to run as root: then its own user runs it. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('postgres:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error('there is no user postgres to run PostgreSQL as; root may not');
  return { uid: Number(uid), gid: Number(gid) };
}

async function ask(url: string, sql: string): Promise<true> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
  return true;
}

/** Prometheus with the given configuration; its address is a URL. */
export async function startPrometheus(config: string): Promise<Service> {
  const folder = temporary('prometheus');
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, config);
  const address = `127.0.0.1:${await freePort()}`;
  const running = await RunningProcess.start(
    'Prometheus',
    programs.prometheus.found!,
    [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${address}`],
    () => answers(`http://${address}/-/ready`),
    { cwd: folder },
  );
  return tidy(running, folder, `http://${address}`);
}

/** Alertmanager with the given configuration; its address is a URL. */
export async function startAlertmanager(config: string): Promise<Service> {
  const folder = temporary('alertmanager');
  const file = join(folder, 'alertmanager.yml');
  writeFileSync(file, config);
  const address = `127.0.0.1:${await freePort()}`;
  const running = await RunningProcess.start(
    'Alertmanager',
    programs.alertmanager.found!,
    [
      `--config.file=${file}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
    ],
    () => answers(`${`http://${address}`}/-/ready`),
    { cwd: folder },
  );
  return tidy(running, folder, `http://${address}`);
}

/** Everything that is in the topic, one value a line, read by librdkafka rather than by the client under test. */
export function readTopic(brokers: string, topic: string): string[] {
  const args = ['-C', '-q', '-e', '-b', brokers, '-t', topic, '-o', 'beginning'];
  return runOnce(`reading topic ${topic}`, programs.kcat.found!, args).split('\n').filter(Boolean);
}

function runOnce(
  what: string,
  command: string,
  args: readonly string[],
  options: { uid?: number; gid?: number; cwd?: string } = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${what} failed: ${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`);
  return stdout;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
