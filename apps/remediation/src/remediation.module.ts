import { Module } from '@nestjs/common';
import { ReplicaAdvisor, SloReadings } from '@vigil/remediation';
import { Announcer } from './announcer.js';
import { Executor } from './executor.js';
import { Planner } from './planner.js';
import { RemediationController } from './remediation.controller.js';
import { RemediationService } from './remediation.service.js';
import { RunStore } from './run-store.js';
import { Runner } from './runner.js';
import { RestReplicaAdvisor, RestSloReadings } from './self-rest.js';

@Module({
  controllers: [RemediationController],
  providers: [
    RemediationService,
    RunStore,
    Planner,
    Announcer,
    Runner,
    Executor,
    { provide: SloReadings, useClass: RestSloReadings },
    { provide: ReplicaAdvisor, useClass: RestReplicaAdvisor },
  ],
})
export class RemediationModule {}
