import type { DocumentError } from '@vigil/catalog';
import { readDocumentFolder } from '@vigil/platform';
import { loadSlos, type SloDefinition } from '@vigil/slo';

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
  for (const { text, file } of readDocumentFolder('VIGIL_SLOS', path)) {
    const found = loadSlos(text, file);
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
