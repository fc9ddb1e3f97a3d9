import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  type WatchedSeries,
  type WatchedSeriesItem,
  watchedSeriesItemSchema,
  watchedSeriesSchema,
  type WatchStatus,
  watchStatusSchema,
} from '@vigil/contracts';
import { ProblemError } from '@vigil/platform';
import { z } from 'zod';
import { AnomalyService } from './anomaly.service.js';

const pointsMax = 600;
const answers = (standardSchema: z.ZodType): MethodDecorator => ApiOkResponse({ standardSchema } as never);

@ApiTags('anomaly')
@Controller('/api/v1')
export class AnomalyController {
  constructor(private readonly anomalies: AnomalyService) {}

  @Get('watches')
  @ApiOperation({ summary: 'Every watch: its query, step, and how many series it has' })
  @answers(z.object({ items: z.array(watchStatusSchema) }))
  watches(): { items: WatchStatus[] } {
    const counts = new Map<string, number>();
    for (const { watch } of this.anomalies.series()) counts.set(watch.name, (counts.get(watch.name) ?? 0) + 1);
    return {
      items: this.anomalies.watches.map((watch) => ({
        name: watch.name,
        service: watch.service,
        description: watch.description,
        query: watch.queryText,
        stepMs: watch.stepMs,
        unit: watch.unit,
        direction: watch.direction,
        severity: watch.severity,
        documentHash: watch.documentHash,
        series: counts.get(watch.name) ?? 0,
      })),
    };
  }

  @Get('series')
  @ApiOperation({ summary: 'The series that watches evaluate to, with their last point' })
  @ApiQuery({ name: 'watch', required: false, description: 'of this watch alone' })
  @answers(z.object({ items: z.array(watchedSeriesItemSchema) }))
  list(@Query('watch') watch?: string): { items: WatchedSeriesItem[] } {
    if (watch !== undefined && !this.anomalies.watches.some(({ name }) => name === watch)) {
      const known = this.anomalies.watches.map(({ name }) => name).join(', ') || 'none';
      throw new ProblemError('unknown-watch', 404, `there is no watch '${watch}'; there are: ${known}`);
    }
    const series = [...this.anomalies.series()].filter((state) => watch === undefined || state.watch.name === watch);
    return {
      items: series.map((state) => ({
        id: state.id,
        watch: state.watch.name,
        labels: state.labels,
        query: state.watch.queryText,
        last: state.points.last(1)[0] ?? null,
        firing: state.isOpen,
        modelScore: this.anomalies.modelScore(state.id) ?? null,
      })),
    };
  }

  @Get('series/:id/points')
  @ApiOperation({ summary: 'The last points of a series: value, what was expected, the band, the score' })
  @ApiQuery({ name: 'limit', required: false, description: `how many, 1 to ${pointsMax}; all by default` })
  @answers(watchedSeriesSchema)
  points(@Param('id') id: string, @Query('limit') limit = String(pointsMax)): WatchedSeries {
    const wanted = Number(limit);
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > pointsMax)
      throw new ProblemError('bad-query', 400, `limit must be an integer from 1 to ${pointsMax}, got '${limit}'`);
    const state = this.anomalies.find(id);
    if (state === undefined)
      throw new ProblemError('unknown-series', 404, `there is no series '${id}'; /api/v1/series lists them`);
    const { watch, labels } = state;
    return { id, watch: watch.name, labels, query: watch.queryText, points: state.points.last(wanted) };
  }
}
