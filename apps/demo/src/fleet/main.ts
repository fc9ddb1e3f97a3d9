import { checkout } from './checkout.js';
import { gateway } from './gateway.js';
import { load } from './load.js';
import type { Role } from './role.js';

const roles: Readonly<Record<Role['role'], (role: Role) => Promise<void>>> = { checkout, gateway, load };

/** A process of the shop; what it is comes as JSON in its only argument. */
const role = JSON.parse(process.argv[2] ?? '{}') as Role;
process.title = role.instance;
// Ctrl-C in a terminal reaches everything below it; this process is stopped by who started it.
process.on('SIGINT', () => undefined);
await roles[role.role](role);
