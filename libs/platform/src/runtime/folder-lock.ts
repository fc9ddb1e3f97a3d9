import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SettingError } from '../config/settings.js';

/** Folders held by this process: its own id in a lock file may also be that of a killed predecessor. */
const held = new Set<string>();

/**
 * One process a data folder: LMDB would take two, PGlite would be destroyed by it.
 * @returns a function that frees the folder.
 * @throws SettingError when a living process holds it.
 */
export function lockFolder(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true });
  const path = resolve(join(dataDir, 'lock'));
  if (held.has(path)) throw new SettingError('VIGIL_DATA', `'${dataDir}' is in use by this process`);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      held.add(path);
      return () => {
        held.delete(path);
        rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(readFileSync(path, 'utf8'));
      if (holder !== process.pid && isAlive(holder)) {
        throw new SettingError(
          'VIGIL_DATA',
          `'${dataDir}' is in use by process ${holder}; stop it, or name another folder`,
        );
      }
      // Its process was killed: the data is whole, the lock is stale.
      rmSync(path, { force: true });
    }
  }
  throw new SettingError('VIGIL_DATA', `'${dataDir}' cannot be locked`);
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
