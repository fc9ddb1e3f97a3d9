import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';

/**
 * The one LMDB environment of a data folder: log and hot state live in it together, so that one transaction can hold
 * a consumer's state and its offsets.
 */
export function openEnvironment(dataDir: string): RootDatabase {
  mkdirSync(dataDir, { recursive: true });
  return open({
    path: join(dataDir, 'hot.lmdb'),
    maxDbs: 64,
    encoding: 'binary',
    // A resolved write must be on disk, not merely visible: a 2xx stands on it.
    overlappingSync: false,
    // Without noMemInit: pages of a crashed process must not leak into the file.
    mapSize: 64 * 2 ** 30,
  });
}
