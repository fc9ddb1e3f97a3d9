import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { type ForecastAnswer, forecastSchema, type ReplicaAdvice, replicaAdviceSchema } from '@vigil/contracts';
import { defaultLevels, HistoryError } from '@vigil/forecast';
import { ProblemError } from '@vigil/platform';
import { labelsToString } from '@vigil/telemetry';
import { z } from 'zod';
import { ForecastService } from './forecast.service.js';
import type { WatchedHistory } from './history-shard.js';

const horizonMax = 500;

@ApiTags('forecast')
@Controller('/api/v1')
export class ForecastController {
  constructor(private readonly forecasts: ForecastService) {}

  @Get('forecasts')
  @ApiOperation({ summary: 'Series that can be forecast, and how much of their past is known' })
  list(): { items: object[] } {
    const items = this.forecasts.series().map(({ id, watch, labels, history }) => ({
      id,
      watch: watch.name,
      service: watch.service,
      series: `${watch.name}${labelsToString(labels)}`,
      unit: watch.unit,
      stepMs: watch.stepMs,
      newest: new Date(history.newestMs).toISOString(),
    }));
    return { items };
  }

  @Get('forecasts/:id')
  @ApiOperation({
    summary: 'Quantiles of what comes next, with the evidence; by id of the series or name of its watch',
  })
  @ApiQuery({ name: 'horizon', required: false, description: `steps ahead, 1 to ${horizonMax}; 60 by default` })
  @ApiQuery({ name: 'levels', required: false, description: 'ascending, within (0, 1), by commas' })
  @ApiQuery({ name: 'season', required: false, description: 'steps; found in the history where left out' })
  @ApiOkResponse({ standardSchema: forecastSchema } as never)
  one(
    @Param('id') id: string,
    @Query('horizon') horizon = '60',
    @Query('levels') levels?: string,
    @Query('season') season?: string,
  ): ForecastAnswer {
    const series = this.#find(id);
    return answered(() =>
      this.forecasts.forecast(series, {
        horizon: numberOf('horizon', horizon, horizonMax),
        levels: levels === undefined ? defaultLevels : levels.split(',').map(Number),
        season: season === undefined ? undefined : numberOf('season', season, 100_000),
      }),
    );
  }

  @Get('replicas')
  @ApiOperation({ summary: 'Replicas recommended for every service whose demand is known' })
  @ApiOkResponse({ standardSchema: z.object({ items: z.array(replicaAdviceSchema) }) } as never)
  allReplicas(): { items: ReplicaAdvice[] } {
    return { items: this.forecasts.advice() };
  }

  @Get('replicas/:service')
  @ApiOperation({
    summary: 'Replicas recommended for a service by its forecast demand and the capacity its watch states',
  })
  @ApiOkResponse({ standardSchema: replicaAdviceSchema } as never)
  replicas(@Param('service') service: string): ReplicaAdvice {
    const demand = this.forecasts.demandOf(service);
    if (demand === undefined) {
      throw new ProblemError(
        'unknown-demand',
        404,
        `no watch of service '${service}' states a capacity and has been seen; add spec.capacity to one (VIGIL_WATCHES)`,
      );
    }
    return answered(() => this.forecasts.replicas(demand));
  }

  #find(id: string): WatchedHistory {
    const all = this.forecasts.series();
    const found = all.filter((series) => series.id === id || series.watch.name === id);
    if (found.length === 1) return found[0]!;
    if (found.length > 1) {
      const ids = found.slice(0, 5).map((series) => `${series.id} ${labelsToString(series.labels)}`);
      throw new ProblemError(
        'ambiguous-series',
        400,
        `'${id}' has ${found.length} series; ask by id: ${ids.join('; ')}`,
      );
    }
    const names = [...new Set(all.map(({ watch }) => watch.name))].join(', ') || 'none yet';
    throw new ProblemError('unknown-series', 404, `there is no series '${id}'; watches with series: ${names}`);
  }
}

function answered<Answer>(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof HistoryError) throw new ProblemError(error.code, 422, error.message);
    if (error instanceof RangeError) throw new ProblemError('bad-query', 400, error.message);
    throw error;
  }
}

function numberOf(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new ProblemError('bad-query', 400, `${name} must be a whole number from 1 to ${max}, got '${text}'`);
}
