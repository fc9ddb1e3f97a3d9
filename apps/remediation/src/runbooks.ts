import type { DocumentError } from '@vigil/catalog';
import { readDocumentFolder } from '@vigil/platform';
import { parseRunbooks, type Runbook } from '@vigil/remediation';

export interface RunbookFolder {
  readonly runbooks: readonly Runbook[];
  readonly errors: readonly DocumentError[];
}

/**
 * Reads every runbook of a folder, or of one file. A bad one is told and leaves the others alone.
 * @throws SettingError when the path cannot be read.
 */
export function readRunbooks(path: string): RunbookFolder {
  const runbooks: Runbook[] = [];
  const errors: DocumentError[] = [];
  for (const { text, file } of readDocumentFolder('VIGIL_RUNBOOKS', path)) {
    const found = parseRunbooks(text, file);
    errors.push(...found.errors);
    for (const runbook of found.runbooks) {
      if (runbooks.some(({ name }) => name === runbook.name)) {
        const message = `'${runbook.name}' is the name of a runbook in another file`;
        errors.push({ file, line: 1, path: 'metadata.name', message });
      } else runbooks.push(runbook);
    }
  }
  return { runbooks, errors };
}
