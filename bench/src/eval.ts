import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { detectCsv } from '../../apps/cli/src/detect-csv.js';

const usage = `npm run eval -- NAME --data DIR --out DIR: runs the program's own code over a folder of public data
  nab       scores every series (timestamp,value) of the folder under its relative name
  mscloud   the same`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string' }, out: { type: 'string' }, help: { type: 'boolean', default: false } },
});
const [name] = positionals;
const { data, out } = values;
if (values.help || data === undefined || out === undefined || (name !== 'nab' && name !== 'mscloud')) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
let points = 0;
const from = process.cpuUsage();
for (const file of csvFiles(data)) {
  const text = readFileSync(file, 'utf8');
  const target = join(out, relative(data, file));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, detectCsv(text));
  points += text.split('\n').length - 2;
}
const { user, system } = process.cpuUsage(from);
const cpuSeconds = (user + system) / 1e6;
console.log(
  JSON.stringify({
    eval: name,
    points,
    cpuSeconds: Math.round(cpuSeconds * 100) / 100,
    pointsPerCpuSecond: Math.round(points / cpuSeconds),
  }),
);

function csvFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.csv'))
    .sort()
    .map((file) => join(folder, file));
}
