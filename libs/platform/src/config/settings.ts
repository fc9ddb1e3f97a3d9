import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

export const serviceNames = [
  'ingest',
  'slo',
  'anomaly',
  'forecast',
  'alerting',
  'remediation',
  'assurance',
  'gateway',
] as const;
export type ServiceName = (typeof serviceNames)[number];

const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'must be HOST:PORT, for example 127.0.0.1:4400')
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'the port must be at most 65535');
const seconds = (fallback: number, min: number, max: number) => z.coerce.number().min(min).max(max).default(fallback);
const bytes = (fallback: number, min: number) => z.coerce.number().int().min(min).default(fallback);
const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
  .refine((parts) => parts.length > 0, 'must name at least one');

/** Every setting of Vigil: name, what is allowed, default. Read from the environment or from vigil.yaml. */
export const settingsSchema = z.strictObject({
  VIGIL_CONFIG: z.string().optional(),
  VIGIL_DATA: z.string().min(1).default('./.vigil'),
  VIGIL_LISTEN: address.default('127.0.0.1:4400'),
  VIGIL_TARGET: list
    .transform((parts, context) => {
      const unknown = parts.filter((part) => part !== 'all' && !serviceNames.includes(part as ServiceName));
      if (unknown.length > 0) {
        context.addIssue(`'${unknown.join("', '")}' is no service; allowed: all, ${serviceNames.join(', ')}`);
        return z.NEVER;
      }
      return parts.includes('all') ? [...serviceNames] : (parts as ServiceName[]);
    })
    .default([...serviceNames]),
  VIGIL_DEMO: z.enum(['auto', 'on', 'off'], 'must be auto, on or off').default('auto'),
  VIGIL_SLOS: z.string().optional(),
  VIGIL_WATCHES: z.string().optional(),
  VIGIL_RUNBOOKS: z.string().optional(),
  VIGIL_ALERTING: z.string().optional(),
  VIGIL_CATALOGUE: z.string().optional(),
  VIGIL_ALERTMANAGER_URL: z.url('must be the base URL of an Alertmanager').optional(),
  VIGIL_EXTERNAL_URL: z.url('must be a URL such as https://vigil.example.org').optional(),
  VIGIL_COMMIT_SECONDS: seconds(5, 0.05, 60),
  VIGIL_LATENESS_SECONDS: seconds(300, 0, 3_600),
  VIGIL_LOG_MAX_BYTES: bytes(4 * 2 ** 30, 2 ** 20),
  VIGIL_LOG_KEEP_SECONDS: seconds(600, 0, 30 * 86_400),
  VIGIL_BODY_MAX_BYTES: bytes(16 * 2 ** 20, 1_024),
  VIGIL_SOURCES_KAFKA: z.string().optional(),
  VIGIL_OUTGOING_ALLOW: list.default(['127.0.0.1', 'localhost', '::1']),
  VIGIL_LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug'], 'must be error, warn, info or debug').optional(),
  VIGIL_OTLP_EXPORT: z.url('must be the URL of an OTLP/HTTP receiver').optional(),
  VIGIL_HMAC_SECRET: z.string().min(16, 'must have at least 16 characters').optional(),
  KAFKA_BROKERS: list.optional(),
  KAFKA_PARTITIONS: z.coerce.number().int().min(1).max(256).default(12),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a URL such as postgres://user:password@host:5432/vigil')
    .optional(),
});

type Parsed = z.infer<typeof settingsSchema>;

/** A setting that cannot be used; the message names it and says what is allowed. */
export class SettingError extends Error {
  readonly code = 'bad-setting';
  constructor(
    readonly setting: string,
    message: string,
  ) {
    super(`${setting}: ${message}`);
    this.name = SettingError.name;
  }
}

/** One topic of somebody else's Kafka to read metrics from. */
export interface KafkaSource {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly format: KafkaFormat;
}
export const kafkaFormats = ['otlp_proto', 'otlp_json', 'remote_write'] as const;
export type KafkaFormat = (typeof kafkaFormats)[number];

export interface Settings {
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly externalUrl: string;
  readonly targets: readonly ServiceName[];
  /** Start the demo fleet: asked for, or nothing else was configured. */
  readonly demo: boolean;
  readonly paths: {
    readonly slos: string | undefined;
    readonly watches: string | undefined;
    readonly runbooks: string | undefined;
    readonly alerting: string | undefined;
    readonly catalogue: string | undefined;
  };
  readonly commitMs: number;
  readonly latenessMs: number;
  readonly logMaxBytes: number;
  readonly logKeepMs: number;
  readonly bodyMaxBytes: number;
  readonly kafkaSources: readonly KafkaSource[];
  readonly outgoingAllow: readonly string[];
  readonly logLevel: NonNullable<Parsed['VIGIL_LOG_LEVEL']>;
  readonly otlpExport: string | undefined;
  readonly hmacSecret: string | undefined;
  /** Set in the distributed size. */
  readonly kafka: { readonly brokers: readonly string[]; readonly partitions: number } | undefined;
  readonly databaseUrl: string | undefined;
  /** Alerts are handed to this Alertmanager too. */
  readonly alertmanagerUrl: string | undefined;
}

/** `brokers|topic:format[,topic:format]`; several clusters are separated by `;`. */
function parseKafkaSources(text: string): KafkaSource[] {
  const problem = (part: string) =>
    new SettingError(
      'VIGIL_SOURCES_KAFKA',
      `'${part}' must look like HOST:PORT[,HOST:PORT]|TOPIC:FORMAT[,TOPIC:FORMAT]; formats: ${kafkaFormats.join(', ')}`,
    );
  return text.split(';').flatMap((cluster) => {
    const [brokers, topics] = cluster.split('|');
    if (brokers === undefined || topics === undefined || brokers.trim() === '') throw problem(cluster);
    return topics.split(',').map((entry) => {
      const at = entry.lastIndexOf(':');
      const format = entry.slice(at + 1).trim() as KafkaFormat;
      if (at <= 0 || !kafkaFormats.includes(format)) throw problem(entry);
      return { brokers: brokers.split(',').map((b) => b.trim()), topic: entry.slice(0, at).trim(), format };
    });
  });
}

function splitAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

const loopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');

function readFile(path: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SettingError('VIGIL_CONFIG', `cannot read ${path}: ${(error as Error).message}`);
  }
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new SettingError('VIGIL_CONFIG', `${path} must be a mapping of setting names to values`);
  }
  // Lists are written as lists in YAML and as commas in the environment.
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
  );
}

const ours = /^(VIGIL_|KAFKA_BROKERS$|KAFKA_PARTITIONS$|DATABASE_URL$)/;
/** Variables of the tool chain that share our prefix and are no settings of the service. */
const notOurs = new Set([
  'VIGIL_SUITE',
  'VIGIL_SHARED',
  'VIGIL_REQUIRE_REAL',
  'VIGIL_VERBOSE',
  'VIGIL_URL',
  'VIGIL_TOKEN',
]);

/**
 * Parses all settings once. The environment wins over vigil.yaml.
 * @throws SettingError naming the first setting that is wrong, and what is allowed.
 */
export function parseSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (ours.test(name) && !notOurs.has(name) && value !== undefined && value !== '') given[name] = value;
  }
  const file = (given['VIGIL_CONFIG'] as string | undefined) ?? (existsSync('vigil.yaml') ? 'vigil.yaml' : undefined);
  const merged = { ...(file === undefined ? {} : readFile(file)), ...given };
  const result = settingsSchema.safeParse(merged);
  if (!result.success) {
    const issue = result.error.issues[0];
    if (issue?.code === 'unrecognized_keys') {
      throw new SettingError(
        issue.keys[0] ?? '?',
        `is no setting; known: ${Object.keys(settingsSchema.shape).join(', ')}`,
      );
    }
    const name = String(issue?.path[0] ?? 'settings');
    throw new SettingError(name, `${issue?.message ?? 'is wrong'} (got '${String(merged[name])}')`);
  }
  const s = result.data;
  const listen = splitAddress(s.VIGIL_LISTEN);
  if (!loopback(listen.host)) {
    throw new SettingError(
      'VIGIL_LISTEN',
      `'${s.VIGIL_LISTEN}' is not a loopback address; without authentication Vigil listens on loopback alone (127.0.0.1:PORT)`,
    );
  }
  if (s.KAFKA_BROKERS !== undefined && s.DATABASE_URL === undefined) {
    throw new SettingError('DATABASE_URL', 'must be set together with KAFKA_BROKERS (postgres://...)');
  }
  if (s.KAFKA_BROKERS === undefined && s.VIGIL_TARGET.length < serviceNames.length) {
    throw new SettingError('VIGIL_TARGET', 'needs KAFKA_BROKERS: the embedded log serves one process that runs all');
  }
  const configured =
    file !== undefined ||
    s.VIGIL_SLOS !== undefined ||
    s.KAFKA_BROKERS !== undefined ||
    s.VIGIL_SOURCES_KAFKA !== undefined;
  const demo = s.VIGIL_DEMO === 'on' || (s.VIGIL_DEMO === 'auto' && !configured);
  return {
    dataDir: s.VIGIL_DATA,
    listen,
    externalUrl: s.VIGIL_EXTERNAL_URL ?? `http://${s.VIGIL_LISTEN}`,
    targets: s.VIGIL_TARGET,
    demo,
    paths: {
      slos: s.VIGIL_SLOS,
      watches: s.VIGIL_WATCHES,
      runbooks: s.VIGIL_RUNBOOKS,
      alerting: s.VIGIL_ALERTING,
      catalogue: s.VIGIL_CATALOGUE,
    },
    commitMs: s.VIGIL_COMMIT_SECONDS * 1_000,
    latenessMs: s.VIGIL_LATENESS_SECONDS * 1_000,
    logMaxBytes: s.VIGIL_LOG_MAX_BYTES,
    logKeepMs: s.VIGIL_LOG_KEEP_SECONDS * 1_000,
    bodyMaxBytes: s.VIGIL_BODY_MAX_BYTES,
    kafkaSources: s.VIGIL_SOURCES_KAFKA === undefined ? [] : parseKafkaSources(s.VIGIL_SOURCES_KAFKA),
    outgoingAllow: s.VIGIL_OUTGOING_ALLOW,
    // The demo tells a story in the terminal: it is not to be lost among lines of a log.
    logLevel: s.VIGIL_LOG_LEVEL ?? (demo ? 'warn' : 'info'),
    otlpExport: s.VIGIL_OTLP_EXPORT,
    hmacSecret: s.VIGIL_HMAC_SECRET,
    kafka: s.KAFKA_BROKERS === undefined ? undefined : { brokers: s.KAFKA_BROKERS, partitions: s.KAFKA_PARTITIONS },
    databaseUrl: s.DATABASE_URL,
    alertmanagerUrl: s.VIGIL_ALERTMANAGER_URL,
  };
}
