import type { Labels } from './model.js';

/**
 * Names by the OpenTelemetry-to-Prometheus rules (opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics):
 * letters, digits, `_` and `:` stay, all else becomes one `_`; the unit is spelt out as a suffix; monotonic sums end in
 * `_total`, gauges of unit 1 in `_ratio`.
 */
const units: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
};
const perUnits: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

const tokens = (text: string): string[] => text.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== '');

function unitTokens(unit: string): string[] {
  const slash = unit.indexOf('/');
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim();
  const words: string[] = [];
  // `{request}` is an annotation for people, no unit.
  if (main !== '' && !/[{}]/.test(main)) words.push(...tokens(units[main] ?? main));
  if (per !== '' && !/[{}]/.test(per)) words.push('per', ...tokens(perUnits[per] ?? per));
  return words;
}

export interface MetricShape {
  readonly name: string;
  readonly unit: string;
  readonly isMonotonicSum: boolean;
  readonly isGauge: boolean;
}

export function prometheusName({ name, unit, isMonotonicSum, isGauge }: MetricShape): string {
  let words = tokens(name);
  const unitWords = unitTokens(unit).filter((word) => !words.includes(word));
  words = [...words, ...unitWords];
  if (isMonotonicSum) words = [...words.filter((word) => word !== 'total'), 'total'];
  if (isGauge && unit === '1') words = [...words.filter((word) => word !== 'ratio'), 'ratio'];
  const joined = words.join('_');
  return /^[0-9]/.test(joined) ? `_${joined}` : joined;
}

export function prometheusLabelName(attribute: string): string {
  const name = attribute.replace(/[^a-zA-Z0-9_]/g, '_');
  if (/^[0-9]/.test(name)) return `key_${name}`;
  return name.startsWith('_') && !name.startsWith('__') ? `key${name}` : name;
}

/** Attributes as labels; where two names become one, the values are joined by `;` in the order of the names. */
export function labelsOf(attributes: readonly (readonly [string, string])[], base: Labels): Record<string, string> {
  const labels: Record<string, string> = { ...base };
  const seen = new Set<string>();
  const sorted = attributes.length > 1 ? [...attributes].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : attributes;
  for (const [attribute, value] of sorted) {
    if (value === '') continue;
    const name = prometheusLabelName(attribute);
    labels[name] = seen.has(name) ? `${labels[name]};${value}` : value;
    seen.add(name);
  }
  return labels;
}
