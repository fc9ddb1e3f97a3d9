import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { topics } from '@vigil/contracts';
import {
  type Assignment,
  Clock,
  Health,
  Log,
  Metrics,
  ProcessorHost,
  readDocumentFolder,
  SETTINGS,
  SignalQueue,
  type Settings,
  StateStore,
  Tensor,
} from '@vigil/platform';
import { parseWatchFiles, type Watch } from '@vigil/promql';
import { errorRatioWatch, loadSloFiles } from '@vigil/slo';
import { labelsToString, SeriesRegistry } from '@vigil/telemetry';
import { AnomalyShard } from './anomaly-shard.js';
import { ModelVoice } from './model-voice.js';
import { anomalySignal } from './signals.js';
import type { WatchedSeriesState } from './watched-series.js';

/** Detectors hold more state than counts do: it is written more seldom, and the log covers the longer gap. */
const commitsPerWrite = 6;

/** Evaluates watches as samples pass, judges every series they name, and says what is unusual. */
@Injectable()
export class AnomalyService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('anomaly');
  readonly watches: readonly Watch[];
  readonly #host: ProcessorHost<AnomalyShard>;
  readonly #model: ModelVoice;
  readonly #signals: SignalQueue;

  constructor(
    log: Log,
    store: StateStore,
    registry: SeriesRegistry,
    clock: Clock,
    @Inject(SETTINGS) settings: Settings,
    metrics: Metrics,
    health: Health,
    tensor: Tensor,
  ) {
    this.#signals = new SignalQueue(log);
    const { watches, errors } = readWatches(settings);
    for (const { file, line, path, message } of errors) this.#logger.error(`${file}:${line}: ${path}: ${message}`);
    this.watches = watches;
    this.#host = new ProcessorHost<AnomalyShard>({
      name: 'anomaly',
      topic: topics.samples,
      log,
      store,
      registry,
      commitMs: settings.commitMs * commitsPerWrite,
      now: () => clock.now(),
      create: (_assignment: Assignment, entries) => {
        const shard = new AnomalyShard(this.watches, registry);
        shard.restore(entries);
        return shard;
      },
      afterBatch: (shard) => this.#say(shard),
      onError: (error) => this.#logger.warn(error),
    });
    this.#model = new ModelVoice(tensor, health, () => this.series());
    health.register('anomaly', () => this.#host.trouble());
    this.#publish(metrics, errors.length);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#host.start();
    this.#logger.log(`${this.watches.length} watches`);
    this.#model.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#model.stop();
    await this.#host.stop();
  }

  *series(): Generator<WatchedSeriesState> {
    for (const shard of this.#host.shards()) yield* shard.series();
  }

  find(id: string): WatchedSeriesState | undefined {
    for (const shard of this.#host.shards()) {
      const found = shard.find(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What the trained model says of the series; undefined while it says nothing. */
  modelScore(id: string): number | undefined {
    return this.#model.score(id);
  }

  async #say(shard: AnomalyShard): Promise<void> {
    const offsets = this.#host.offsets();
    for (const change of shard.unsaid.splice(0))
      this.#signals.push(anomalySignal(change, offsets, this.modelScore(change.series.id)));
    await this.#signals.flush();
  }

  #publish(metrics: Metrics, documentErrors: number): void {
    metrics.processor('anomaly', this.#host);
    metrics.gauge('vigil_watch_document_errors', 'Errors in the watch documents read at start', [], (gauge) =>
      gauge.set(documentErrors),
    );
    const total = (of: (shard: AnomalyShard) => number): number =>
      this.#host.shards().reduce((sum, shard) => sum + of(shard), 0);
    metrics.counter('vigil_anomaly_points_total', 'Points of watched series that were judged', [], (counter) => {
      counter.reset();
      counter.inc(total(({ points }) => points));
    });
    metrics.gauge('vigil_anomaly_series_refused_points', 'Points of series beyond the limit of a shard', [], (gauge) =>
      gauge.set(total(({ refused }) => refused)),
    );
    const names = ['watch', 'service', 'series'] as const;
    const show = (name: string, help: string, of: (state: WatchedSeriesState) => number | undefined): void =>
      void metrics.gauge(name, help, names, (gauge) => {
        gauge.reset();
        for (const state of this.series()) {
          const value = of(state);
          const { watch, labels } = state;
          if (value !== undefined)
            gauge.set({ watch: watch.name, service: watch.service, series: labelsToString(labels) }, value);
        }
      });
    const last = (state: WatchedSeriesState) => state.points.last(1)[0];
    show('vigil_anomaly_score', 'Anomaly score of the last point; 1 or more is an anomaly', (s) => last(s)?.score);
    show('vigil_anomaly_value', 'Value of the last point', (state) => last(state)?.value);
    show('vigil_anomaly_expected', 'What was expected at the last point', (state) => last(state)?.expected);
    show('vigil_anomaly_lower', 'Lower edge of the expected band', (state) => last(state)?.lower);
    show('vigil_anomaly_upper', 'Upper edge of the expected band', (state) => last(state)?.upper);
    show('vigil_anomaly_firing', '1 while an anomaly is open', ({ isOpen }) => (isOpen ? 1 : 0));
    show('vigil_anomaly_model_score', 'What the trained model says of the last window; 1 is its alarm', ({ id }) =>
      this.modelScore(id),
    );
  }
}

/** Watches of the folder, and the error ratio of every SLO. Errors of SLO documents are the slo service's to tell. */
function readWatches({ paths }: Settings): ReturnType<typeof parseWatchFiles> {
  const written =
    paths.watches === undefined
      ? { watches: [], errors: [] }
      : parseWatchFiles(readDocumentFolder('VIGIL_WATCHES', paths.watches));
  const slos = paths.slos === undefined ? [] : loadSloFiles(readDocumentFolder('VIGIL_SLOS', paths.slos)).definitions;
  const taken = new Set(written.watches.map(({ name }) => name));
  const derived = slos.map(errorRatioWatch).filter(({ name }) => !taken.has(name));
  return { watches: [...written.watches, ...derived], errors: written.errors };
}
