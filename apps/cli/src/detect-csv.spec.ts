import { normal, seeded } from '@vigil/anomaly';
import { describe, expect, it } from '@jest/globals';
import { detectCsv } from './detect-csv.js';

const series = (length: number, at: (t: number) => string): string => {
  const random = seeded(1);
  return `timestamp,value\n${Array.from({ length }, (_, t) => `${at(t)},${(t === 150 ? 40 : 10) + normal(random)}`).join('\n')}\n`;
};
const epochMs = Date.UTC(2026, 0, 1);

describe(detectCsv.name, () => {
  it('answers each row, flags the spike and says why', () => {
    const lines = detectCsv(
      series(200, (t) => new Date(epochMs + t * 300_000).toISOString().slice(0, 19).replace('T', ' ')),
      true,
    )
      .trim()
      .split('\n');
    expect(lines[0]).toBe('timestamp,value,anomaly_score,is_anomaly,expected,lower,upper,reason');
    expect(lines).toHaveLength(201);
    const rows = lines.slice(1).map((line) => line.split(','));
    const flagged = rows.filter((cells) => cells[3] === '1');
    expect(flagged.map(([timestamp]) => timestamp)).toEqual(['2026-01-01 12:30:00']);
    expect(Number(flagged[0]![2])).toBeGreaterThanOrEqual(1);
    expect(flagged[0]![7]).not.toBe('');
    const [, value, , , , lower, upper] = rows[149]!.map(Number);
    expect(value! > lower! && value! < upper!).toBe(true);
  });

  it.each([
    { form: 'epoch seconds', at: (t: number) => String(epochMs / 1_000 + t * 60) },
    { form: 'epoch milliseconds', at: (t: number) => String(epochMs + t * 60_000) },
    { form: 'ISO with a zone', at: (t: number) => new Date(epochMs + t * 60_000).toISOString().replace('Z', '+00:00') },
  ])('reads $form as the same time', ({ at }) => {
    const scores = (text: string): string[] => text.split('\n').map((line) => line.split(',').slice(1).join());
    expect(scores(detectCsv(series(200, at)))).toEqual(
      scores(detectCsv(series(200, (t) => new Date(epochMs + t * 60_000).toISOString()))),
    );
  });

  it('takes missing values, and rows that come twice, without a score', () => {
    const lines = detectCsv('timestamp,value\n60,1\n120,\n120,NaN\n60,5\n180,1\n').trim().split('\n');
    expect(lines.slice(1).map((line) => line.split(',')[2])).toEqual(['0', '0', '0', '0', '0']);
  });

  it.each([
    { what: 'a header without its columns', text: 'time,value\n1,2\n', error: /line 1: .*timestamp and value/ },
    { what: 'a value that is none', text: 'timestamp,value\n1,2\n2,x\n', error: /line 3: value 'x' is no number/ },
    { what: 'a time that is none', text: 'timestamp,value\nnoon,2\n', error: /line 2: timestamp 'noon' is none of/ },
  ])('names the line of $what', ({ text, error }) => {
    expect(() => detectCsv(text)).toThrow(error);
  });
});
