import type { Labels } from '@vigil/telemetry';

const placeholder = /\{\{(.*?)\}\}/g;
const labelReference = /^\s*labels\.([A-Za-z_][A-Za-z0-9_]*)\s*$/;

/** A value of an alert that cannot stand where a runbook puts it. */
export class TemplateError extends Error {
  readonly code = 'bad-template';
  constructor(message: string) {
    super(message);
    this.name = TemplateError.name;
  }
}

/** What is wrong with a template's text: every placeholder must be `{{ labels.NAME }}`. */
export function templateProblem(text: string): string | undefined {
  for (const [whole, inside] of text.matchAll(placeholder)) {
    if (!labelReference.test(inside!)) return `'${whole}' is no placeholder; write {{ labels.NAME }}`;
  }
  return /\{\{|\}\}/.test(text.replaceAll(placeholder, '')) ? 'has an unclosed {{ or }}' : undefined;
}

/** What is wrong with a URL's template: values of an alert choose no scheme and no host. */
export function urlTemplateProblem(text: string): string | undefined {
  if (!/^https?:\/\/[^/?#{}\s@]+(?:[/?#]|$)/.test(text)) return 'must begin with http:// or https:// and a fixed host';
  return templateProblem(text) ?? (URL.canParse(fill(text, () => 'x')) ? undefined : 'must be a URL');
}

/** The text with the alert's values in it, as they are. @throws TemplateError for a label that the alert lacks. */
export function renderText(template: string, labels: Labels): string {
  return fill(template, (name) => valueOf(name, labels));
}

/**
 * Values are data: each stays within the path segment or the parameter that it was written into.
 * @throws TemplateError for a value that would not, or a label that the alert lacks.
 */
export function renderUrl(template: string, labels: Labels): string {
  const url = new URL(fill(template, (name) => encodeURIComponent(valueOf(name, labels))));
  const written = new URL(fill(template, () => 'x'));
  // '.' and '..' survive encoding and would climb out of their place.
  const depth = (of: URL): number => of.pathname.split('/').length;
  if (depth(url) !== depth(written)) throw new TemplateError(`a value would change the path of ${written.origin}`);
  return url.href;
}

/** @throws TemplateError for a value that would end the header. */
export function renderHeader(template: string, labels: Labels): string {
  const value = renderText(template, labels);
  if (!/^[\t\x20-\x7e]*$/.test(value)) throw new TemplateError('a header holds printable ASCII alone');
  return value;
}

/** Text of a JSON body; values are escaped where they stand within a string. */
export function renderBody(template: unknown, labels: Labels): string {
  return typeof template === 'string'
    ? fill(template, (name) => JSON.stringify(valueOf(name, labels)).slice(1, -1))
    : JSON.stringify(renderDeep(template, labels));
}

/** Every text within a value that came from YAML. */
export function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) {
      yield key;
      yield* textsIn(inner);
    }
}

function renderDeep(value: unknown, labels: Labels): unknown {
  if (typeof value === 'string') return renderText(value, labels);
  if (Array.isArray(value)) return value.map((inner) => renderDeep(inner, labels));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renderDeep(inner, labels)]));
}

function fill(template: string, value: (name: string) => string): string {
  return template.replaceAll(placeholder, (_whole, inside: string) => value(labelReference.exec(inside)?.[1] ?? ''));
}

function valueOf(name: string, labels: Labels): string {
  const value = labels[name];
  if (value === undefined || value === '') throw new TemplateError(`the alert has no label '${name}'`);
  return value;
}
