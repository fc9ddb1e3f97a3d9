import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log, parseSettings } from '@vigil/platform';
import { encodeRemoteWrite, type WriteSeries } from '@vigil/telemetry';
import snappy from 'snappy';
import { createVigil, type Vigil } from '../../apps/vigil/src/create-vigil.js';

export const silent = { log: () => undefined, error: () => undefined, warn: () => undefined };

/** An embedded Vigil on a port of its own and a data folder that outlives restarts. */
export class RunningVigil {
  readonly folder = mkdtempSync(join(tmpdir(), 'vigil-'));
  #vigil: Vigil | undefined;
  #readers = 0;

  /** @param environment settings, made once the folder is there. */
  constructor(private readonly environment: (folder: string) => Readonly<Record<string, string>> = () => ({})) {}

  get vigil(): Vigil {
    if (this.#vigil === undefined) throw new Error('not started');
    return this.#vigil;
  }

  async start(): Promise<void> {
    const settings = parseSettings({
      VIGIL_DATA: join(this.folder, 'data'),
      VIGIL_DEMO: 'off',
      ...this.environment(this.folder),
    });
    this.#vigil = await createVigil({ ...settings, listen: { host: '127.0.0.1', port: 0 } }, { logger: silent });
  }

  async restart(): Promise<void> {
    await this.vigil.close();
    await this.start();
  }

  async dispose(): Promise<void> {
    await this.#vigil?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(new URL(path, this.vigil.url), init);
  }

  async get<Answer>(path: string): Promise<Answer> {
    return (await (await this.fetch(path)).json()) as Answer;
  }

  /** Everything that the log's topic holds, read as a consumer of its own. */
  async readTopic(topic: string): Promise<unknown[]> {
    const found: unknown[] = [];
    const log = this.vigil.app.get(Log);
    const consumption = await log.consume({
      topic,
      group: `test-${this.#readers++}`,
      handlers: {
        assigned: () => Promise.resolve(0),
        records: (_assignment, records) =>
          Promise.resolve(
            void found.push(...records.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as unknown)),
          ),
      },
    });
    while (consumption.lag() > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await consumption.stop();
    return found;
  }

  /** Remote write, as Prometheus sends it. @throws when it is not taken. */
  async send(series: readonly WriteSeries[]): Promise<void> {
    const answer = await this.fetch('/api/v1/write', {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      body: (await snappy.compress(Buffer.from(encodeRemoteWrite(series)))) as BodyInit,
    });
    if (answer.status !== 204) throw new Error(`remote write was answered ${answer.status}: ${await answer.text()}`);
  }
}

/** Asks until the answer satisfies, for some seconds; answers the last one whatever it is. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  satisfied: (answer: Answer) => boolean,
  seconds = 10,
): Promise<Answer> {
  for (let turn = 0; ; turn++) {
    const answer = await ask();
    if (satisfied(answer) || turn >= seconds * 20) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
