import { Module } from '@nestjs/common';
import { AnomalyController } from './anomaly.controller.js';
import { AnomalyService } from './anomaly.service.js';

@Module({ controllers: [AnomalyController], providers: [AnomalyService] })
export class AnomalyModule {}
