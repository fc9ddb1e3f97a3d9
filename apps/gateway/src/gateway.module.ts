import { Module } from '@nestjs/common';
import { CatalogueController } from './catalogue.controller.js';
import { CatalogueService } from './catalogue.service.js';
import { ConsoleController } from './console.controller.js';
import { GroupsController } from './groups.controller.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { TimelineController } from './timeline.controller.js';
import { TimelineService } from './timeline.service.js';

@Module({
  controllers: [
    CatalogueController,
    ConsoleController,
    GroupsController,
    HealthController,
    MetricsController,
    TimelineController,
  ],
  providers: [CatalogueService, TimelineService],
})
export class GatewayModule {}
