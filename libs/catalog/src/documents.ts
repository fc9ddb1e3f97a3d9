import { isMap, isNode, isSeq, LineCounter, type Document, type Node, parseAllDocuments } from 'yaml';
import type { z } from 'zod';

/** What is wrong with a document, and where. */
export interface DocumentError {
  readonly file: string;
  readonly line: number;
  /** Path of the field from the document's root, such as `spec.objectives[0].target`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

export type DocumentPath = readonly (string | number)[];

/** One object of a file, with the means to say where its fields stand. */
export interface DocumentSource {
  readonly value: unknown;
  /** Line of the field, or of as much of its path as there is. */
  readonly lineOf: (path: DocumentPath) => number;
}

/** Every object of a YAML or JSON file: one, several documents, or a list. What is not YAML is told to `report`. */
export function* documentSources(
  text: string,
  file: string,
  report: (error: DocumentError) => void,
): Generator<DocumentSource> {
  const lineCounter = new LineCounter();
  const documents: readonly Document.Parsed[] = [...parseAllDocuments(text, { lineCounter })];
  for (const document of documents) {
    for (const { message, pos } of document.errors) {
      const [first = message] = message.split('\n');
      report({ file, line: lineCounter.linePos(pos[0]).line, path: '', message: first });
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const nodes = isSeq(document.contents) ? document.contents.items.filter(isNode) : [document.contents];
    for (const node of nodes) {
      yield {
        value: node.toJS(document),
        lineOf: (path) => lineCounter.linePos(deepest(node, path).range?.[0] ?? 0).line,
      };
    }
  }
}

/** Checks one object; what is wrong with it is told with line and path. */
export function checkSource<Schema extends z.ZodType>(
  schema: Schema,
  { value, lineOf }: DocumentSource,
  file: string,
  report: (error: DocumentError) => void,
): z.infer<Schema> | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) {
    const at = path.filter((key) => typeof key !== 'symbol');
    report({ file, line: lineOf(at), path: pathText(at), message: issueText(at, message) });
  }
  return undefined;
}

/** `spec.objectives[0].target`. */
export function pathText(path: DocumentPath): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    '',
  );
}

/** JSON with the keys of objects in order: equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** The node of the path, or of as much of it as there is. */
function deepest(root: Node, path: DocumentPath): Node {
  let node = root;
  for (const key of path) {
    const next: unknown = isMap(node) || isSeq(node) ? node.get(key, true) : undefined;
    if (!isNode(next)) break;
    node = next;
  }
  return node;
}

/** Our messages continue the field's name; the schema library's own stand alone. */
function issueText(path: DocumentPath, message: string): string {
  const field = path.at(-1);
  return /^(is|must) /.test(message) && field !== undefined ? `${field} ${message}` : message;
}
