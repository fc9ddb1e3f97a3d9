const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A number with its unit as people say it: `38 ms`, `1.2 GiB`, `61 requests/s`; three digits are enough. */
export function quantity(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '–';
  if (unit === 's' && Math.abs(value) < 1) return `${threeDigits(value * 1_000)} ms`;
  if (unit === 'bytes') {
    const steps = Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10);
    const step = Math.min(byteUnits.length - 1, steps);
    return `${threeDigits(value / 1_024 ** step)} ${byteUnits[step]}`;
  }
  // Ratios: below a millionth there is nothing to see.
  if (unit === '' && Math.abs(value) < 1e-6) return '0';
  return unit === '' ? threeDigits(value) : `${threeDigits(value)} ${unit}`;
}

const threeDigits = (value: number): string => String(Number(value.toPrecision(3)));
