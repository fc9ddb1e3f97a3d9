/** `npm test`, `npm run test:real`, `npm run test:soak`: jest in ESM mode; the last line counts. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './lib/prepare.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--suite');
const suite = at < 0 ? 'default' : args.splice(at, 2)[1];
prepare();
const result = spawnSync(
  process.execPath,
  ['--experimental-vm-modules', '--no-warnings', join('node_modules', 'jest', 'bin', 'jest.js'), ...args],
  { cwd: root, stdio: 'inherit', env: { ...process.env, VIGIL_SUITE: suite } },
);
process.exit(result.status ?? 1);
