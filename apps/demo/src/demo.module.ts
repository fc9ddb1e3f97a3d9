import { type DynamicModule, Module } from '@nestjs/common';
import { DemoController } from './demo.controller.js';
import { DemoService, DemoStage } from './demo.service.js';

@Module({})
export class DemoModule {
  static on(stage: DemoStage): DynamicModule {
    return {
      module: DemoModule,
      controllers: [DemoController],
      providers: [DemoService, { provide: DemoStage, useValue: stage }],
    };
  }
}
