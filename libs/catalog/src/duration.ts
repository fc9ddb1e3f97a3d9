import { z } from 'zod';

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** A duration in Prometheus' words, such as `5m` or `1h30m`, in ms; undefined when it is none. */
export function durationMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^(?:\d+(?:ms|[smhdwy]))+$/.test(trimmed)) return undefined;
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+)(ms|[smhdwy])/g)) total += Number(amount) * unitMs[unit!]!;
  return total;
}

/** A field of a document that holds a duration; its value is in ms. */
export const durationSchema = z.string().transform((text, context) => {
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  context.addIssue('must be a duration such as 30s, 5m or 1h30m');
  return z.NEVER;
});
