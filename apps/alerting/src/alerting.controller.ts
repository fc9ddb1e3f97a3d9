import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { AlertingService } from './alerting.service.js';

@ApiTags('alerting')
@Controller('/api/v1/alerts')
export class AlertingController {
  constructor(private readonly alerting: AlertingService) {}

  @Get()
  @ApiOperation({ summary: 'Alerts that are open, or resolved and not told yet' })
  list(): { items: object[] } {
    const items = this.alerting.alerts().map(({ startsAtMs, endsAtMs, ...alert }) => ({
      ...alert,
      status: endsAtMs === undefined ? 'firing' : 'resolved',
      startsAt: new Date(startsAtMs).toISOString(),
      endsAt: endsAtMs === undefined ? null : new Date(endsAtMs).toISOString(),
    }));
    return { items };
  }
}
