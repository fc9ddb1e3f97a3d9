import type { Advice } from './resolve.js';
import type { SloReading } from './run.js';

/** What verification reads. */
export abstract class SloReadings {
  /** @throws Error in words when it cannot be read. */
  abstract read(slo: string): Promise<SloReading>;
}

/** How many replicas a service's demand asks for. */
export abstract class ReplicaAdvisor {
  abstract advise(service: string): Promise<Advice>;
}
