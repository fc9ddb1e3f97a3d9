import type { ForecastResult } from '@vigil/forecast';

/**
 * Forecasts each row of a CSV (id,v1,v2,...; a header row; empty cells are missing values).
 * @returns `series,step,mean,lo95,hi95` lines, and a line for each row that was refused, with its reason.
 */
export function forecastCsv(
  text: string,
  of: (history: Float64Array) => ForecastResult,
): { csv: string; refused: string[] } {
  const lines = ['series,step,mean,lo95,hi95'];
  const refused: string[] = [];
  text.split(/\r?\n/).forEach((row, i) => {
    if (i === 0 || row.trim() === '') return;
    const [id = '', ...cells] = row.split(',').map((cell) => cell.replace(/^"|"$/g, '').trim());
    const history = Float64Array.from(cells, (cell) => (cell === '' ? NaN : Number(cell)));
    const bad = cells.findIndex((cell, at) => cell !== '' && Number.isNaN(history[at]));
    if (bad >= 0) {
      refused.push(`line ${i + 1}, column ${bad + 2}: '${cells[bad]}' is no number`);
      return;
    }
    try {
      const { mean, quantiles } = of(history);
      mean.forEach((value, h) => lines.push([id, h + 1, value, quantiles[0]![h], quantiles.at(-1)![h]].join(',')));
    } catch (error) {
      refused.push(`line ${i + 1} (${id}): ${(error as Error).message}`);
    }
  });
  return { csv: `${lines.join('\n')}\n`, refused };
}
