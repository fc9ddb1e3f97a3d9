/** `npm run bench|eval|train|dashboards -- NAME ...`: runs the built command of that folder. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './lib/prepare.mjs';

const [command, ...args] = process.argv.slice(2);
const entries = {
  bench: ['bench', 'src', 'main.js'],
  eval: ['bench', 'src', 'eval.js'],
  train: ['models', 'src', 'main.js'],
  dashboards: ['dashboards', 'src', 'main.js'],
};
const entry = entries[command];
if (entry === undefined) {
  console.error(`vigil: unknown command '${command}'; one of ${Object.keys(entries).join(', ')}`);
  process.exit(2);
}
prepare();
const flags = command === 'bench' ? ['--expose-gc'] : [];
const result = spawnSync(process.execPath, [...flags, '--enable-source-maps', join(root, 'dist', ...entry), ...args], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(result.status ?? 1);
