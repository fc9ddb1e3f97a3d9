import { readFileSync, writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { type PayloadFormat, payloadFormats } from '@vigil/contracts';
import { forecast } from '@vigil/forecast';
import { decodePayload, version } from '@vigil/platform';
import { DecodeError, SeriesRegistry } from '@vigil/telemetry';
import { checkDocuments, checkKinds } from './check.js';
import { addDemoVerbs } from './demo.js';
import { detectCsv } from './detect-csv.js';
import { forecastCsv } from './forecast-csv.js';

const program = new Command('vigil')
  .description(
    'SLOs, anomalies, forecasts, alerts and healing. File verbs work alone; the others talk to a running Vigil.',
  )
  .version(version)
  .showHelpAfterError('(vigil VERB --help shows what a verb takes)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const urlOption = new Option('--url <url>', 'the running Vigil').default('http://127.0.0.1:4400').env('VIGIL_URL');

program
  .command('status')
  .description('what a running Vigil says of itself; exit 1 when it is not ready')
  .addOption(urlOption)
  .action(async ({ url }: { url: string }) => {
    try {
      const answer = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(5_000) });
      const health = (await answer.json()) as { status: string; reasons: string[] };
      console.log(JSON.stringify(health, null, 2));
      process.exitCode = health.status === 'ok' ? 0 : 1;
    } catch (error) {
      console.error(
        `vigil: nothing answers at ${url} (${(error as Error).message}); start it by npm start, or name it by --url`,
      );
      process.exitCode = 1;
    }
  });

program
  .command('decode')
  .description('decode payloads to JSON lines of samples: {"labels", "timestamp_ms", "value", "type"}')
  .requiredOption('--format <format>', `one of ${payloadFormats.join(', ')}`)
  .option('--json', 'print one verdict a file instead: {"file", "ok", "errors"}')
  .argument('<files...>', 'uncompressed bodies, as they stand in a request')
  .action((files: string[], { format, json }: { format: string; json?: boolean }) => {
    if (!payloadFormats.includes(format as PayloadFormat)) {
      console.error(`vigil: --format '${format}' is none of ${payloadFormats.join(', ')}`);
      process.exit(2);
    }
    for (const file of files) decodeFile(file, format as PayloadFormat, json === true);
  });

program
  .command('check')
  .description('verdicts on documents; each error with file, line and path')
  .option('--kind <kind>', `one of ${checkKinds.join(', ')}; found by content where left out`)
  .option('--json', 'one object a file: {"file", "ok", "errors"}')
  .argument('<files...>')
  .action((files: string[], { kind, json }: { kind?: string; json?: boolean }) => {
    if (kind !== undefined && !checkKinds.includes(kind)) {
      console.error(`vigil: --kind '${kind}' is none of ${checkKinds.join(', ')}`);
      process.exit(2);
    }
    for (const file of files) {
      const errors = checkDocuments(readFileSync(file, 'utf8'), file, kind).map(({ line, path, message }) => ({
        line,
        path,
        message,
      }));
      if (errors.length > 0) process.exitCode = 1;
      if (json === true) console.log(JSON.stringify({ file, ok: errors.length === 0, errors }));
      else if (errors.length === 0) console.log(`${file}: fine`);
      else
        for (const { line, path, message } of errors)
          console.log(`${file}:${line}: ${path === '' ? '' : `${path}: `}${message}`);
    }
  });

program
  .command('detect')
  .description('anomaly scores of a CSV file (timestamp,value; a header row); a row reads the rows before it alone')
  .requiredOption('--in <file>', 'the series')
  .requiredOption('--out <file>', 'timestamp,value,anomaly_score,is_anomaly,expected,lower,upper')
  .option('--explain', 'add the reason as a last column')
  .action((options: { in: string; out: string; explain?: boolean }) => {
    try {
      writeFileSync(options.out, detectCsv(readFileSync(options.in, 'utf8'), options.explain === true));
    } catch (error) {
      console.error(`vigil: ${options.in}: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  });

program
  .command('forecast')
  .description('quantile forecasts of a CSV file: one series a row (id,v1,v2,...; a header row)')
  .requiredOption('--in <file>', 'the history')
  .requiredOption('--horizon <steps>', 'steps ahead', Number)
  .option('--season <steps>', 'season in steps; found in each series where left out', Number)
  .requiredOption('--out <file>', 'series,step,mean,lo95,hi95')
  .action((options: { in: string; horizon: number; season?: number; out: string }) => {
    try {
      const { csv, refused } = forecastCsv(readFileSync(options.in, 'utf8'), (history) =>
        forecast({ history, horizon: options.horizon, season: options.season, levels: [0.025, 0.975] }),
      );
      writeFileSync(options.out, csv);
      for (const line of refused) console.error(`vigil: ${options.in}: ${line}`);
      if (refused.length > 0) process.exitCode = 1;
    } catch (error) {
      console.error(`vigil: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  });

function decodeFile(file: string, format: PayloadFormat, verdicts: boolean): void {
  const registry = new SeriesRegistry();
  const errors: { line: number; path: string; message: string }[] = [];
  try {
    const batch = decodePayload({ format, body: readFileSync(file) }, registry);
    if (!verdicts) {
      for (let i = 0; i < batch.length; i++) {
        const value = batch.values[i]!;
        const sample = {
          labels: registry.labels(batch.ids[i]!),
          timestamp_ms: batch.times[i],
          value: Number.isFinite(value) ? value : value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : 'NaN',
          type: registry.kind(batch.ids[i]!),
        };
        process.stdout.write(`${JSON.stringify(sample)}\n`);
      }
    }
  } catch (error) {
    const path = error instanceof DecodeError ? String(error.position) : '';
    errors.push({ line: 0, path, message: (error as Error).message });
    process.exitCode = 1;
    if (!verdicts) console.error(`vigil: ${file}: ${(error as Error).message}`);
  }
  if (verdicts) console.log(JSON.stringify({ file, ok: errors.length === 0, errors }));
}

addDemoVerbs(program, urlOption);
await program.parseAsync();
