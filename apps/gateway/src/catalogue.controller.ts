import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Service } from '@vigil/catalog';
import { type ServiceAnswer, type ServiceDetail, serviceDetailSchema, serviceSchema } from '@vigil/contracts';
import { ProblemError } from '@vigil/platform';
import { z } from 'zod';
import { CatalogueService } from './catalogue.service.js';

const limitMax = 500;

@ApiTags('catalogue')
@Controller('/api/v1/services')
export class CatalogueController {
  constructor(private readonly known: CatalogueService) {}

  @Get()
  @ApiOperation({ summary: 'Services by name: owners, tier, what they depend on' })
  @ApiQuery({ name: 'limit', required: false, description: `1 to ${limitMax}; 100 by default` })
  @ApiQuery({ name: 'cursor', required: false, description: 'nextCursor of the page before' })
  @ApiOkResponse({
    standardSchema: z.object({ items: z.array(serviceSchema), nextCursor: z.string().nullable() }),
  } as never)
  list(
    @Query('limit') limit = '100',
    @Query('cursor') cursor = '',
  ): { items: ServiceAnswer[]; nextCursor: string | null } {
    const wanted = Number(limit);
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > limitMax)
      throw new ProblemError('bad-query', 400, `limit must be an integer from 1 to ${limitMax}, got '${limit}'`);
    const rest = [...this.known.catalogue.services()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .filter(({ name }) => name > cursor);
    const items = rest.slice(0, wanted).map(answerOf);
    return { items, nextCursor: rest.length > wanted ? items.at(-1)!.name : null };
  }

  @Get(':name')
  @ApiOperation({ summary: 'One service, and who would feel it if it failed' })
  @ApiOkResponse({ standardSchema: serviceDetailSchema } as never)
  one(@Param('name') name: string): ServiceDetail {
    const service = this.known.catalogue.find(name);
    if (service === undefined) {
      const names = this.known.catalogue.services().map((one) => one.name);
      throw new ProblemError(
        'unknown-service',
        404,
        `there is no service '${name}'; there are: ${names.join(', ') || 'none'}`,
      );
    }
    return { ...answerOf(service), dependants: this.known.catalogue.dependants(name) };
  }
}

function answerOf({ team, zone, runbook, dashboard, dependsOn, ...rest }: Service): ServiceAnswer {
  return {
    ...rest,
    labels: { ...rest.labels },
    dependsOn: dependsOn.map((dependency) => ({ ...dependency })),
    team: team ?? null,
    zone: zone ?? null,
    runbook: runbook ?? null,
    dashboard: dashboard ?? null,
  };
}
