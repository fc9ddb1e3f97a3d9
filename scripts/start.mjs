/** `npm start`: install and build if needed, then run every service in this terminal. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './lib/prepare.mjs';

prepare();
const child = spawn(
  process.execPath,
  ['--enable-source-maps', join(root, 'dist', 'apps', 'vigil', 'src', 'main.js'), ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
// Ctrl-C reaches the child by the terminal's process group; SIGTERM only reaches us.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 0));
