import { Module } from '@nestjs/common';
import { SloController } from './slo.controller.js';
import { SloService } from './slo.service.js';

@Module({ controllers: [SloController], providers: [SloService] })
export class SloModule {}
