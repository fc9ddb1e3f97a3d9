const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** The reader's zone, said once on the page: every time on it is of this zone. */
export const zoneName = zone;

export const time = (at: string | number): string => clock.format(new Date(at));

export const percent = (ratio: number, digits = 1): string => `${(ratio * 100).toFixed(digits)} %`;

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** How long, in its two largest units, such as `6 h` or `3 min 20 s`. */
export function duration(ms: number): string {
  let rest = Math.max(0, Math.round(ms / 1_000));
  const parts: string[] = [];
  for (const [unit, seconds] of units) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}
