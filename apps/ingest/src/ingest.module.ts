import { Module } from '@nestjs/common';
import { IngestService } from './ingest.service.js';
import { KafkaSourcesService } from './kafka-sources.service.js';
import { ReceiversController } from './receivers.controller.js';

@Module({ controllers: [ReceiversController], providers: [IngestService, KafkaSourcesService] })
export class IngestModule {}
