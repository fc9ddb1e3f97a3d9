import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Logger } from '@nestjs/common';
import { modelWindow, normaliseWindow, reconstructionError } from '@vigil/anomaly';
import type { Health, Tensor, TensorModel } from '@vigil/platform';
import { z } from 'zod';
import type { WatchedSeriesState } from './watched-series.js';

/** Beside the sources, and beside what is built of them. */
const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'models', 'autoencoder');
/** The program is to be ready first. */
const startAfterMs = 3_000;
const everyMs = 5_000;

const cardSchema = z.object({
  version: z.string(),
  window: z.literal(modelWindow),
  errorQuantiles: z.object({ p999: z.number().positive() }),
});

/**
 * A trained autoencoder's second opinion on the newest window of every watched series, in one batch every few seconds. It is
 * shown and named as evidence; nothing opens or closes because of it, so that a replay says the same without it.
 */
export class ModelVoice {
  readonly #logger = new Logger('model');
  #scores = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly tensor: Tensor,
    private readonly health: Health,
    private readonly series: () => Iterable<WatchedSeriesState>,
  ) {}

  start(): void {
    this.#timer = setTimeout(() => void this.#load(), startAfterMs).unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.tensor.close();
  }

  score(id: string): number | undefined {
    return this.#scores.get(id);
  }

  async #load(): Promise<void> {
    const { backend, reason } = await this.tensor.backend();
    if (this.#stopped) return;
    this.health.facts.set('tensor', { backend, reason });
    this.#logger.log(`tensor backend ${backend}: ${reason}`);
    try {
      const card = cardSchema.parse(JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8')));
      const model = await this.tensor.load(folder, modelWindow);
      this.#logger.log(`model ${card.version}`);
      this.#next(model, card.errorQuantiles.p999);
    } catch (error) {
      this.#silence(error);
    }
  }

  #next(model: TensorModel, alarmError: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(
      () =>
        void this.#judge(model, alarmError).then(
          () => this.#next(model, alarmError),
          (error: unknown) => this.#silence(error),
        ),
      everyMs,
    ).unref();
  }

  async #judge(model: TensorModel, alarmError: number): Promise<void> {
    const windows: { id: string; values: Float64Array }[] = [];
    for (const { id, points } of this.series()) {
      const values = points.lastValues(modelWindow);
      if (values !== undefined) windows.push({ id, values });
    }
    if (windows.length === 0) return;
    const input = new Float32Array(windows.length * modelWindow);
    windows.forEach(({ values }, row) => normaliseWindow(values, input, row * modelWindow));
    const output = await model.predict(input, windows.length);
    this.#scores = new Map(windows.map(({ id }, row) => [id, reconstructionError(input, output, row) / alarmError]));
  }

  /** Detection goes on without. */
  #silence(error: unknown): void {
    if (this.#stopped) return;
    this.#scores.clear();
    this.health.facts.set('tensor', { backend: 'none', reason: (error as Error).message });
    this.#logger.warn(`no model scores: ${(error as Error).message}`);
  }
}
