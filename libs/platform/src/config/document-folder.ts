import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SettingError } from './settings.js';

/**
 * Every document file of a folder in the order of its name, or one file.
 * @throws SettingError naming `setting` when the path cannot be read.
 */
export function* readDocumentFolder(setting: string, path: string): Generator<{ text: string; file: string }> {
  try {
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => /\.(ya?ml|json)$/.test(name))
          .sort()
          .map((name) => join(path, name))
      : [path];
    for (const file of files) yield { text: readFileSync(file, 'utf8'), file };
  } catch (error) {
    throw new SettingError(setting, `cannot read '${path}': ${(error as Error).message}`);
  }
}
