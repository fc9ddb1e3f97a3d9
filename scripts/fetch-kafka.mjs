/** Fetches Apache Kafka's jars into .cache/kafka with Maven, once for each version of the pom. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/prepare.mjs';

const pom = join(root, 'test', 'real', 'kafka-pom.xml');
const folder = join(root, '.cache', 'kafka');
const stamp = join(folder, 'fetched');
const wanted = createHash('sha256').update(readFileSync(pom)).digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  process.stderr.write('vigil: fetching Apache Kafka (once, 44 MB) ...\n');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'libs')}`];
  const { status, error } = spawnSync('mvn', args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(
      `vigil: Maven could not fetch Kafka (${error?.message ?? `exit ${status}`}); it needs mvn and Java 17.`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
