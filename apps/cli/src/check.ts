import { type DocumentError, documentSources, parseServices } from '@vigil/catalog';
import { parseWatches } from '@vigil/promql';
import { parseRunbooks } from '@vigil/remediation';
import { loadSlos } from '@vigil/slo';

interface Kind {
  /** Whether an object of this apiVersion and kind is one of these. */
  readonly recognises: (apiVersion: string, kind: string) => boolean;
  readonly errors: (text: string, file: string) => readonly DocumentError[];
}

const ours =
  (wanted: string): Kind['recognises'] =>
  (apiVersion, kind) =>
    apiVersion.startsWith('vigil/') && kind === wanted;

/** What `vigil check` knows, by the name that --kind gives it. */
const kinds: Readonly<Record<string, Kind>> = {
  openslo: {
    recognises: (apiVersion) => apiVersion.startsWith('openslo'),
    errors: (text, file) => loadSlos(text, file).errors,
  },
  watches: { recognises: ours('Watch'), errors: (text, file) => parseWatches(text, file).errors },
  runbook: { recognises: ours('Runbook'), errors: (text, file) => parseRunbooks(text, file).errors },
  catalogue: { recognises: ours('Service'), errors: (text, file) => parseServices(text, file).errors },
};

export const checkKinds: readonly string[] = Object.keys(kinds);

/** What is wrong with a file. Without `kind` it is found by what the first object says of itself. */
export function checkDocuments(
  text: string,
  file: string,
  kind?: string,
): readonly Pick<DocumentError, 'line' | 'path' | 'message'>[] {
  const syntax: DocumentError[] = [];
  const known = kind === undefined ? kindOf(text, file, (error) => void syntax.push(error)) : kinds[kind];
  if (known !== undefined) return known.errors(text, file);
  if (syntax.length > 0) return syntax;
  return [{ line: 1, path: '', message: `of no known kind; name one by --kind: ${checkKinds.join(', ')}` }];
}

function kindOf(text: string, file: string, report: (error: DocumentError) => void): Kind | undefined {
  for (const { value } of documentSources(text, file, report)) {
    if (typeof value !== 'object' || value === null) continue;
    const { apiVersion = '', kind = '' } = value as { apiVersion?: unknown; kind?: unknown };
    const found = Object.values(kinds).find(({ recognises }) => recognises(String(apiVersion), String(kind)));
    if (found !== undefined) return found;
  }
  return undefined;
}
