import { Detector, type Judgement, type Reason } from '@vigil/anomaly';

/** A row that cannot be used. */
export class CsvError extends Error {
  readonly code = 'bad-csv';
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(`line ${line}: ${message}`);
    this.name = CsvError.name;
  }
}

const words: Readonly<Record<Reason, string>> = {
  usual: '',
  'warming-up': 'too little is known yet',
  ignored: 'no number or not newer than the row before: not judged',
  spike: 'no predictor explains the value',
  shift: 'short means have left the level they had',
  misfit: 'level, time of day and shape fit nothing seen before',
  quiet: 'part of the anomaly before',
};

const missingValue = /^(|nan|null|none|na|n\/a)$/i;

/**
 * Scores a CSV of `timestamp,value` (a header row; other columns are left aside), each row by the rows before it alone.
 * @returns timestamp,value,anomaly_score,is_anomaly,expected,lower,upper, and the reason where it is asked for.
 * @throws CsvError naming the line, and what is allowed.
 */
export function detectCsv(text: string, explain = false): string {
  const rows = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const columns = columnsOf(rows[0] ?? '');
  const detector = new Detector();
  const lines = [`timestamp,value,anomaly_score,is_anomaly,expected,lower,upper${explain ? ',reason' : ''}`];
  rows.forEach((row, i) => {
    if (i === 0 || row.trim() === '') return;
    const cells = cellsOf(row);
    const timestamp = cells[columns.timestamp] ?? '';
    const cell = cells[columns.value] ?? '';
    const timeMs = timeOf(timestamp, i + 1);
    const judgement = detector.update(timeMs, valueOf(cell, i + 1));
    lines.push([timestamp, cell, ...numbersOf(judgement), ...(explain ? [reasonOf(judgement)] : [])].join(','));
  });
  return `${lines.join('\n')}\n`;
}

const cellsOf = (row: string): string[] => row.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));

function columnsOf(header: string): { timestamp: number; value: number } {
  const names = cellsOf(header).map((name) => name.toLowerCase());
  const [timestamp, value] = ['timestamp', 'value'].map((name) => names.indexOf(name)) as [number, number];
  if (timestamp < 0 || value < 0)
    throw new CsvError(1, `the header must name the columns timestamp and value, got '${header.slice(0, 80)}'`);
  return { timestamp, value };
}

function valueOf(cell: string, line: number): number {
  if (missingValue.test(cell)) return NaN;
  if (/^[+-]?inf(inity)?$/i.test(cell)) return cell.startsWith('-') ? -Infinity : Infinity;
  const value = Number(cell);
  if (Number.isNaN(value))
    throw new CsvError(line, `value '${cell}' is no number; a missing one is an empty cell or NaN`);
  return value;
}

/** Epoch seconds or ms, ISO 8601, or `YYYY-MM-DD HH:MM[:SS]`; without a zone it is UTC. */
function timeOf(cell: string, line: number): number {
  if (/^-?\d+(\.\d+)?$/.test(cell)) {
    const epoch = Number(cell);
    // Seconds reach 1e11 in the year 5138; ms were there in 1973.
    return Math.abs(epoch) < 1e11 ? epoch * 1_000 : epoch;
  }
  const [, date, clock, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i.exec(cell) ?? [];
  const timeMs = date === undefined ? NaN : Date.parse(`${date}T${clock ?? '00:00'}${zone?.toUpperCase() ?? 'Z'}`);
  if (Number.isNaN(timeMs))
    throw new CsvError(
      line,
      `timestamp '${cell}' is none of: epoch seconds, epoch milliseconds, ISO 8601 (2026-01-31T10:00:00Z), 2026-01-31 10:00:00`,
    );
  return timeMs;
}

const numbersOf = ({ score, isAnomaly, expected, lower, upper }: Judgement): (string | number)[] => [
  Number(score.toPrecision(6)),
  isAnomaly ? 1 : 0,
  // Nothing is expected before the first value.
  ...[expected, lower, upper].map((value) => (Number.isNaN(value) ? '' : Number(value.toPrecision(12)))),
];

function reasonOf({ reason, isOutside, isHeld }: Judgement): string {
  const said = words[reason];
  return said !== '' || !isOutside
    ? said
    : isHeld
      ? 'outside of the band, as the values before'
      : 'outside of the band';
}
