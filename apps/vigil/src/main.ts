import { parseSettings, SettingError } from '@vigil/platform';
import { createVigil, type Vigil } from './create-vigil.js';

const say = (line: string): void => void process.stderr.write(`vigil: ${line}\n`);
const tell = (line: string): void => void process.stdout.write(`  ${line}\n`);

async function main(): Promise<void> {
  const from = Date.now();
  let vigil: Vigil;
  try {
    vigil = await createVigil(parseSettings(process.env), { say, tell });
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    say(error.message);
    process.exitCode = 2;
    return;
  }
  say(`ready at ${vigil.url} after ${((Date.now() - from) / 1_000).toFixed(1)} s (Ctrl-C stops it)`);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    say('draining');
    void vigil.close().then(
      () => say('stopped'),
      (error: unknown) => {
        say(`stopped with an error: ${String(error)}`);
        process.exitCode = 1;
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

await main();
