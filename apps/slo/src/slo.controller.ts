import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { schemaVersion, type SloHistory, sloHistorySchema, type SloStatus, sloStatusSchema } from '@vigil/contracts';
import { ProblemError } from '@vigil/platform';
import { errorBudgetRemaining, type EventCounts, type SloDefinition, sumShards } from '@vigil/slo';
import { z } from 'zod';
import { SloService } from './slo.service.js';

const pointsMax = 2_000;

@ApiTags('slo')
@Controller('/api/v1/slos')
export class SloController {
  constructor(private readonly slos: SloService) {}

  @Get()
  @ApiOperation({ summary: 'Every SLO: counts, budget left, burn by window pair' })
  @ApiOkResponse({ standardSchema: z.object({ items: z.array(sloStatusSchema) }) } as never)
  list(): { items: SloStatus[] } {
    return { items: this.slos.definitions.map((_definition, slo) => this.#status(slo)) };
  }

  @Get(':name')
  @ApiOperation({ summary: 'One SLO' })
  @ApiOkResponse({ standardSchema: sloStatusSchema } as never)
  one(@Param('name') name: string): SloStatus {
    return this.#status(this.#find(name));
  }

  @Get(':name/history')
  @ApiOperation({ summary: 'Good and total events by step over the SLO window, and the budget left at each' })
  @ApiQuery({ name: 'points', required: false, description: `how many steps, 2 to ${pointsMax}; 240 by default` })
  @ApiOkResponse({ standardSchema: sloHistorySchema } as never)
  history(@Param('name') name: string, @Query('points') points = '240'): SloHistory {
    const wanted = Number(points);
    if (!Number.isInteger(wanted) || wanted < 2 || wanted > pointsMax)
      throw new ProblemError('bad-query', 400, `points must be an integer from 2 to ${pointsMax}, got '${points}'`);
    const slo = this.#find(name);
    const definition = this.slos.definitions[slo]!;
    const engines = this.slos.engines();
    const endMs = this.slos.edgeMs(slo);
    const sum = (fromMs: number, toMs: number): EventCounts => sumShards(engines, slo, fromMs, toMs);
    return { name, ...stepsOf(definition, endMs, wanted, sum) };
  }

  #find(name: string): number {
    const slo = this.slos.definitions.findIndex((definition) => definition.name === name);
    if (slo >= 0) return slo;
    const known = this.slos.definitions.map((definition) => definition.name).join(', ') || 'none';
    throw new ProblemError('unknown-slo', 404, `there is no SLO '${name}'; there are: ${known}`);
  }

  #status(slo: number): SloStatus {
    const { name, displayName, service, target, windowMs, documentHash } = this.slos.definitions[slo]!;
    const evaluation = this.slos.evaluate(slo);
    if (evaluation === undefined)
      throw new ProblemError('not-ready', 503, 'no partition is assigned yet', { retryAfterSeconds: 2 });
    const { counts, budgetRemaining, exhaustionMs, pairs, windowEndMs } = evaluation;
    return {
      schemaVersion,
      name,
      displayName,
      service,
      target,
      windowMs,
      at: new Date(windowEndMs).toISOString(),
      good: counts.good,
      total: counts.total,
      sli: counts.total > 0 ? counts.good / counts.total : null,
      budgetRemaining,
      exhaustedAt: exhaustionMs === undefined ? null : new Date(exhaustionMs).toISOString(),
      windows: pairs.map(({ window, longBurn, shortBurn }) => ({
        name: window.name,
        severity: window.severity,
        longMs: window.longMs,
        shortMs: window.shortMs,
        factor: window.factor,
        burnLong: longBurn,
        burnShort: shortBurn,
        firing: this.slos.isFiring(name, window.name),
      })),
      provenance: { documentHash, logOffsets: this.slos.offsets() },
    };
  }
}

/** Steps of whole minutes (of buckets in short windows) up to `endMs`; the budget is that of the window's events so far. */
function stepsOf(
  { windowMs, bucketMs, target }: SloDefinition,
  endMs: number,
  wanted: number,
  sum: (fromMs: number, toMs: number) => EventCounts,
): Omit<SloHistory, 'name'> {
  const stepMs = Math.ceil(windowMs / wanted / bucketMs) * bucketMs;
  const lastMs = Math.ceil(endMs / stepMs) * stepMs;
  const window = sum(lastMs - windowMs, lastMs);
  const points: SloHistory['points'] = [];
  let bad = 0;
  for (let t = lastMs - windowMs + stepMs; t <= lastMs; t += stepMs) {
    const { good, total } = sum(t - stepMs, t);
    bad += total - good;
    // Against the budget of all events in the window, so that the line burns down and ends at what is left.
    const budgetRemaining = errorBudgetRemaining({ good: window.total - bad, total: window.total }, target);
    points.push({ t, good, total, budgetRemaining });
  }
  return { stepMs, points };
}
