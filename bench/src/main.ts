import { parseArgs } from 'node:util';
import { benchIngest } from './ingest.js';

const usage = `npm run bench -- NAME [options]: prints JSON lines
  ingest [--seconds N]   remote-write bytes on a socket to committed SLO counts (N: 20 seconds for each order)
  ingest --minutes N     the same in stable order for N minutes, with memory at intervals and its slope`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '20' },
    minutes: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const seconds = values.minutes === undefined ? Number(values.seconds) : Number(values.minutes) * 60;
if (values.help || positionals[0] !== 'ingest' || !(seconds > 0)) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
const print = (line: object): void => console.log(JSON.stringify(line));
if (values.minutes !== undefined) {
  await benchIngest({ order: 'stable', seconds, memoryEverySeconds: Math.max(5, seconds / 40), print });
} else for (const order of ['stable', 'shuffled'] as const) await benchIngest({ order, seconds, print });
