import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SettingError } from '@vigil/platform';
import { type DocumentError, loadSlos, type SloDefinition } from '@vigil/slo';

export interface SloFolder {
  readonly definitions: readonly SloDefinition[];
  readonly errors: readonly DocumentError[];
}

/**
 * Reads every OpenSLO file of a folder, or one file. A bad document is told and leaves the others alone.
 * @throws SettingError when the path cannot be read.
 */
export function readSloFolder(path: string): SloFolder {
  const definitions: SloDefinition[] = [];
  const errors: DocumentError[] = [];
  const names = new Set<string>();
  for (const file of filesOf(path)) {
    const found = loadSlos(readFileSync(file, 'utf8'), file);
    errors.push(...found.errors);
    for (const definition of found.definitions) {
      if (names.has(definition.name)) {
        const message = `'${definition.name}' is the name of an SLO in another file`;
        errors.push({ file, line: 1, path: 'metadata.name', message });
      } else definitions.push(definition);
      names.add(definition.name);
    }
  }
  return { definitions, errors };
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => /\.(ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new SettingError('VIGIL_SLOS', `cannot read '${path}': ${(error as Error).message}`);
  }
}
