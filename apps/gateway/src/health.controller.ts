import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Health as HealthAnswer, healthSchema } from '@vigil/contracts';
import { Health, Log, ProblemError, SETTINGS, type Settings, version } from '@vigil/platform';

/** Whether this process lives, whether it should get traffic, and what it stands on. */
@ApiTags('operations')
@Controller()
export class HealthController {
  constructor(
    private readonly health: Health,
    private readonly log: Log,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Get('/health')
  @ApiOperation({ summary: 'What runs, on which log, store and tensor backend; always 200 while the process lives' })
  answer(): HealthAnswer {
    const reasons = this.#reasons();
    return {
      status: !this.health.started ? 'starting' : reasons.length > 0 ? 'degraded' : 'ok',
      version,
      startedAt: new Date(this.health.startedAtMs).toISOString(),
      services: [...this.settings.targets],
      log: this.settings.kafka === undefined ? 'lmdb' : 'kafka',
      store: this.settings.databaseUrl === undefined ? 'pglite' : 'postgresql',
      tensor: healthSchema.shape.tensor.parse(this.health.facts.get('tensor') ?? null),
      reasons,
    };
  }

  @Get('/ready')
  @ApiOperation({ summary: '200 when this process takes traffic, else 503 with the reasons' })
  ready(): { ready: true } {
    const reasons = this.#reasons();
    if (reasons.length > 0) throw new ProblemError('not-ready', 503, reasons.join('; '), { retryAfterSeconds: 5 });
    return { ready: true };
  }

  #reasons(): string[] {
    const trouble = this.log.trouble();
    return [...this.health.reasons(), ...(trouble === undefined ? [] : [trouble])];
  }
}
