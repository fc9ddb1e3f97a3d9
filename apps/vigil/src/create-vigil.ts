import { type DynamicModule, type LoggerService, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import {
  Clock,
  Foundation,
  Health,
  Metrics,
  PinoLogger,
  PlatformModule,
  ProblemError,
  ProblemFilter,
  SelfUrl,
  SettingError,
  type Settings,
  type ServiceName,
  startOtlpExport,
  traceRequests,
  version,
} from '@vigil/platform';
import { AlertingModule } from '../../alerting/src/index.js';
import { AnomalyModule } from '../../anomaly/src/index.js';
import { AssuranceModule } from '../../assurance/src/index.js';
import { DemoModule, DemoStage, type PreparedDemo, prepareDemo } from '../../demo/src/index.js';
import { ForecastModule } from '../../forecast/src/index.js';
import { GatewayModule } from '../../gateway/src/index.js';
import { IngestModule } from '../../ingest/src/index.js';
import { RemediationModule } from '../../remediation/src/index.js';
import { SloModule } from '../../slo/src/index.js';

/** The services that exist, by the name that VIGIL_TARGET gives them. */
const services: Partial<Record<ServiceName, new () => object>> = {
  ingest: IngestModule,
  slo: SloModule,
  forecast: ForecastModule,
  anomaly: AnomalyModule,
  alerting: AlertingModule,
  remediation: RemediationModule,
  assurance: AssuranceModule,
  gateway: GatewayModule,
};

@Module({})
class VigilModule {
  static of(foundation: Foundation, clock: Clock, demo: DynamicModule | undefined): DynamicModule {
    const wanted = foundation.settings.targets.flatMap((name) => services[name] ?? []);
    const imports = [PlatformModule.with(foundation, clock), ...wanted, ...(demo === undefined ? [] : [demo])];
    return { module: VigilModule, imports };
  }
}

export interface VigilOptions {
  readonly clock?: Clock;
  readonly logger?: LoggerService;
  /** Told about the steps of a start, for a terminal. */
  readonly say?: (line: string) => void;
  /** Told the demo's story, line by line. */
  readonly tell?: (line: string) => void;
}

/** A running Vigil. */
export interface Vigil {
  readonly app: NestFastifyApplication;
  /** Where it listens, such as http://127.0.0.1:4400. */
  readonly url: string;
  /** Takes nothing new, finishes what it has, commits, and lets go of log and store. */
  close(): Promise<void>;
}

/**
 * Opens log and store, starts the services of `settings.targets` and listens.
 * @throws SettingError when the data folder or the port is in use.
 */
export async function createVigil(given: Settings, options: VigilOptions = {}): Promise<Vigil> {
  const clock = options.clock ?? new Clock();
  const demo = given.demo ? await prepareDemo(given) : undefined;
  const settings = demo?.settings ?? given;
  const foundation = await Foundation.open(settings, clock, options.say).catch(async (error: unknown) => {
    await demo?.control.close();
    throw error;
  });
  try {
    const adapter = new FastifyAdapter({ bodyLimit: settings.bodyMaxBytes, forceCloseConnections: true });
    const demoModule = demo === undefined ? undefined : DemoModule.on(stageOf(demo, options));
    const app = await NestFactory.create<NestFastifyApplication>(
      VigilModule.of(foundation, clock, demoModule),
      adapter,
      {
        bodyParser: false,
        logger: options.logger ?? new PinoLogger(settings.logLevel),
        abortOnError: false,
      },
    );
    parseBodies(adapter);
    traceRequests(adapter.getInstance());
    const telemetry =
      settings.otlpExport === undefined
        ? undefined
        : await startOtlpExport(settings.otlpExport, app.get(Metrics).registry, clock.now());
    app.useGlobalFilters(new ProblemFilter());
    describe(app);
    await listen(app, settings);
    const url = (await app.getUrl()).replace('[::1]', 'localhost');
    app.get(SelfUrl).listening(url);
    app.get(Health).markStarted();
    const closeAll = async (): Promise<void> => {
      try {
        await app.close();
      } finally {
        await foundation.close();
        await telemetry?.stop();
      }
    };
    let closing: Promise<void> | undefined;
    return { app, url, close: () => (closing ??= closeAll()) };
  } catch (error) {
    await foundation.close();
    await demo?.control.close();
    throw error;
  }
}

function stageOf({ control }: PreparedDemo, { tell }: VigilOptions): DemoStage {
  return { control, tell: tell ?? (() => undefined) };
}

/** Payloads of metrics stay bytes; everything else is JSON. */
function parseBodies(adapter: FastifyAdapter): void {
  const fastify = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/x-protobuf', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (request.url.startsWith('/v1/metrics')) {
      done(null, body);
      return;
    }
    try {
      done(null, body.length === 0 ? undefined : JSON.parse(body.toString('utf8')));
    } catch (error) {
      done(new ProblemError('malformed-body', 400, `the body is no JSON: ${(error as Error).message}`));
    }
  });
}

function describe(app: NestFastifyApplication): void {
  const document = new DocumentBuilder()
    .setTitle('Vigil')
    .setDescription(
      'SLOs, anomalies, forecasts, alerts, healing and event assurance. Errors are problem+json (RFC 9457).',
    )
    .setVersion(version)
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, document));
}

async function listen(app: NestFastifyApplication, settings: Settings): Promise<void> {
  const { host, port } = settings.listen;
  try {
    await app.listen(port, host);
  } catch (error) {
    await app.close();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new SettingError(
        'VIGIL_LISTEN',
        `port ${port} of ${host} is in use; set VIGIL_LISTEN=${host}:PORT to use another`,
      );
    }
    throw error;
  }
}
