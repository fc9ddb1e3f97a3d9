import { describe, expect, it } from '@jest/globals';
import { forecast } from '@vigil/forecast';
import { forecastCsv } from './forecast-csv.js';

describe('forecastCsv', () => {
  it('answers each row, and names the cell that is wrong without losing the rest', () => {
    const row = (id: string): string => [id, ...Array.from({ length: 20 }, (_, t) => 5 + (t % 2))].join(',');
    const text = ['id,v1', row('a'), 'b,1,x', row('c'), 'd,1,2'].join('\n');
    const { csv, refused } = forecastCsv(text, (history) => forecast({ history, horizon: 3, levels: [0.025, 0.975] }));
    expect(
      csv
        .trim()
        .split('\n')
        .map((line) => line.split(',').slice(0, 2).join()),
    ).toEqual(['series,step', ...['a,1', 'a,2', 'a,3', 'c,1', 'c,2', 'c,3']]);
    expect(refused).toEqual([
      "line 3, column 3: 'x' is no number",
      'line 5 (d): a forecast needs 8 values or more; there are 2',
    ]);
  });
});
