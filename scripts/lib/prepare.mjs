/**
 * Installs and builds what is missing, with Node's built-ins only, so that it runs on a bare clone.
 * Nothing is done twice: a stamp remembers what was installed and built from what.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const stampFile = (name) => join(root, 'node_modules', `.vigil-${name}`);
const minimum = [20, 19];
const seconds = (from) => `${((Date.now() - from) / 1000).toFixed(1)} s`;

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > minimum[0] || (major === minimum[0] && minor >= minimum[1])) return;
  console.error(
    `vigil: Node ${process.versions.node} is too old; it needs ${minimum.join('.')} or newer (https://nodejs.org).`,
  );
  process.exit(1);
}

function run(what, command, args) {
  const shown = process.env.VIGIL_VERBOSE === '1';
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: shown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (result.status === 0) return;
  if (!shown) process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  console.error(
    `vigil: ${what} failed (${command} ${args.join(' ')}). See the lines above; VIGIL_VERBOSE=1 shows all of it.`,
  );
  process.exit(result.status ?? 1);
}

/** Hash of names, sizes and times below the given folders: cheap, and enough to see an edit. */
function fingerprint(folders) {
  const hash = createHash('sha256');
  const walk = (path) => {
    if (!existsSync(path)) return;
    const stat = statSync(path);
    if (stat.isDirectory()) {
      for (const name of readdirSync(path).sort()) if (name !== 'node_modules') walk(join(path, name));
    } else hash.update(`${path.slice(root.length)}:${stat.size}:${Math.floor(stat.mtimeMs)}\n`);
  };
  for (const folder of folders) walk(join(root, folder));
  return hash.digest('hex');
}

const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package.json')))
    .update(read(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
  if (read(stampFile('installed')) === wanted) return;
  const from = Date.now();
  process.stderr.write('vigil: installing packages (once, about a minute) ... ');
  // A lock made on one platform may name other platforms' optional packages without entries;
  // npm ci refuses that as out of sync, and npm install elsewhere would rewrite it.
  const sameMachine = process.platform === 'linux' && process.arch === 'x64';
  run('installing packages', 'npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    ...(sameMachine ? [] : ['--no-package-lock']),
  ]);
  const after = createHash('sha256')
    .update(readFileSync(join(root, 'package.json')))
    .update(read(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
  writeFileSync(stampFile('installed'), after);
  process.stderr.write(`done in ${seconds(from)}\n`);
}

function build({ force = false } = {}) {
  const sources = fingerprint([
    'apps',
    'libs',
    'bench',
    'dashboards',
    'models',
    '.swcrc',
    'package.json',
    'scripts/lib/prepare.mjs',
    'scripts/console.mjs',
  ]);
  const stamp = join(root, 'dist', '.vigil-built');
  if (!force && read(stamp) === sources) return;
  const from = Date.now();
  process.stderr.write('vigil: building ... ');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  mkdirSync(join(root, 'dist'), { recursive: true });
  const folders = ['apps', 'libs', 'bench', 'dashboards', 'models'].filter((name) => existsSync(join(root, name)));
  run('building', process.execPath, [
    join('node_modules', '@swc', 'cli', 'bin', 'swc.js'),
    ...folders,
    '-d',
    'dist',
    // The store's worker and other files that are no TypeScript.
    '--copy-files',
    '--ignore',
    '**/*.spec.ts,apps/console/**',
    '--quiet',
  ]);
  if (existsSync(join(root, 'scripts', 'console.mjs')))
    run('building the console', process.execPath, [join('scripts', 'console.mjs')]);
  writeFileSync(stamp, sources);
  process.stderr.write(`done in ${seconds(from)}\n`);
}

/** Makes a checkout runnable: right Node, packages installed, sources built. */
export function prepare({ built = true, force = false } = {}) {
  requireNode();
  install();
  if (built) build({ force });
}
