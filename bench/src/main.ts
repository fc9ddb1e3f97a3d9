import { parseArgs } from 'node:util';
import { benchIngest } from './ingest.js';

const usage = `npm run bench -- NAME [options]: prints JSON lines
  ingest [--seconds N]   remote-write bytes on a socket to committed SLO counts (N: 20 seconds for each order)`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '20' }, help: { type: 'boolean', default: false } },
});
const seconds = Number(values.seconds);
if (values.help || positionals[0] !== 'ingest' || !(seconds > 0)) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
for (const order of ['stable', 'shuffled'] as const) {
  await benchIngest({ order, seconds, print: (line) => console.log(JSON.stringify(line)) });
}
