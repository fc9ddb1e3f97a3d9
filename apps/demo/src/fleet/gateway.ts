import { Followed } from './follow.js';
import { Caller } from './caller.js';
import type { Role } from './role.js';
import { serve } from './server.js';
import { startTelemetry } from './telemetry.js';

/** The shop's front door: passes orders on to the checkouts in turn, and gives up after two seconds. */
export async function gateway(role: Role): Promise<void> {
  const telemetry = startTelemetry(role);
  const ports = new Followed<number[]>(`${role.control}/ports?group=checkout`, [], () => process.exit(1));
  const caller = new Caller(() => ports.value, 2_000);
  await serve(role, telemetry, () => caller.call());
}
