/** Builds the web page into dist/apps/console: one module, one stylesheet, one HTML file. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './lib/prepare.mjs';

const from = join(root, 'apps', 'console');
const to = join(root, 'dist', 'apps', 'console');
mkdirSync(to, { recursive: true });
await build({
  entryPoints: [join(from, 'src', 'app.ts')],
  outfile: join(to, 'app.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  loader: { '.css': 'text' },
  // Its paths, and class fields that do not hide lit's accessors.
  tsconfig: join(root, 'tsconfig.json'),
  logLevel: 'warning',
});
for (const file of ['index.html', 'page.css']) copyFileSync(join(from, file), join(to, file));
