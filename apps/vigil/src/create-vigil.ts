import { type DynamicModule, type LoggerService, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import {
  Clock,
  Foundation,
  Health,
  PinoLogger,
  PlatformModule,
  ProblemError,
  ProblemFilter,
  SettingError,
  type Settings,
  type ServiceName,
  version,
} from '@vigil/platform';
import { AlertingModule } from '../../alerting/src/index.js';
import { AnomalyModule } from '../../anomaly/src/index.js';
import { AssuranceModule } from '../../assurance/src/index.js';
import { GatewayModule } from '../../gateway/src/index.js';
import { IngestModule } from '../../ingest/src/index.js';
import { SloModule } from '../../slo/src/index.js';

/** The services that exist, by the name that VIGIL_TARGET gives them. */
const services: Partial<Record<ServiceName, new () => object>> = {
  ingest: IngestModule,
  slo: SloModule,
  anomaly: AnomalyModule,
  alerting: AlertingModule,
  assurance: AssuranceModule,
  gateway: GatewayModule,
};

@Module({})
class VigilModule {
  static of(foundation: Foundation, clock: Clock): DynamicModule {
    const wanted = foundation.settings.targets.flatMap((name) => services[name] ?? []);
    return { module: VigilModule, imports: [PlatformModule.with(foundation, clock), ...wanted] };
  }
}

export interface VigilOptions {
  readonly clock?: Clock;
  readonly logger?: LoggerService;
  /** Told about the steps of a start, for a terminal. */
  readonly say?: (line: string) => void;
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
export async function createVigil(settings: Settings, options: VigilOptions = {}): Promise<Vigil> {
  const clock = options.clock ?? new Clock();
  const foundation = await Foundation.open(settings, clock, options.say);
  try {
    const adapter = new FastifyAdapter({ bodyLimit: settings.bodyMaxBytes, forceCloseConnections: true });
    const app = await NestFactory.create<NestFastifyApplication>(VigilModule.of(foundation, clock), adapter, {
      bodyParser: false,
      logger: options.logger ?? new PinoLogger(settings.logLevel),
      abortOnError: false,
    });
    parseBodies(adapter);
    app.useGlobalFilters(new ProblemFilter());
    describe(app);
    await listen(app, settings);
    app.get(Health).markStarted();
    let closing: Promise<void> | undefined;
    return {
      app,
      url: (await app.getUrl()).replace('[::1]', 'localhost'),
      close: () => (closing ??= app.close().finally(() => foundation.close())),
    };
  } catch (error) {
    await foundation.close();
    throw error;
  }
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
