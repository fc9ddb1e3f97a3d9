import { builtFile, LocalProcessGroup } from '@vigil/platform';
import type { DemoControl } from './control.js';
import type { Role } from './fleet/role.js';
import { checkoutReplicas } from './shop.js';

const readyMs = 20_000;

/** The processes are started from what was built, also where this file runs from its source. */
const entry = builtFile(import.meta.url, 'apps', 'demo', 'src', 'fleet', 'main.js');

export interface Fleet {
  readonly gateway: LocalProcessGroup;
  readonly checkout: LocalProcessGroup;
  readonly load: LocalProcessGroup;
}

/** The shop as groups of processes; nothing runs yet. */
export function makeFleet(control: DemoControl, vigil: string, onCrash: (instance: string) => void): Fleet {
  const group = (role: Role['role'], min: number, max: number): LocalProcessGroup =>
    new LocalProcessGroup({
      name: role,
      command: process.execPath,
      args: (instance) => [entry, JSON.stringify({ role, instance, control: control.url, vigil } satisfies Role)],
      // Only metrics leave the shop: its SDK would otherwise look for receivers of traces and logs too.
      env: () => ({ OTEL_TRACES_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' }),
      min,
      max,
      ready: (instance) => control.registered(instance, readyMs),
      onCrash: (instance) => {
        control.forget(instance);
        onCrash(instance);
      },
    });
  return {
    gateway: group('gateway', 1, 3),
    checkout: group('checkout', checkoutReplicas.min, checkoutReplicas.max),
    load: group('load', 1, 1),
  };
}
