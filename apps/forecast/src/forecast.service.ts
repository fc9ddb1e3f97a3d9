import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type ForecastAnswer, type ReplicaAdvice, schemaVersion, topics } from '@vigil/contracts';
import { forecast, forecasterVersion, type ForecastResult, HistoryError, replicasFor } from '@vigil/forecast';
import {
  Clock,
  Health,
  Log,
  Metrics,
  ProcessorHost,
  readDocumentFolder,
  SETTINGS,
  type Settings,
  StateStore,
} from '@vigil/platform';
import { parseWatchFiles, type Watch } from '@vigil/promql';
import { labelsToString, SeriesRegistry } from '@vigil/telemetry';
import { HistoryShard, type WatchedHistory } from './history-shard.js';

/** Values a forecast looks back on: more cost time and say little. */
const lookBack = 2_048;
/** Demand is looked for so far ahead: what a new replica needs to start, and some more. */
const adviceSteps = 30;
const adviceLevels = [0.5, 0.95] as const;
const recentSteps = 5;
const adviceForMs = 5_000;

/** Keeps the past of watched series and says what comes next. */
@Injectable()
export class ForecastService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('forecast');
  readonly #host: ProcessorHost<HistoryShard>;
  readonly watches: readonly Watch[];
  #advice: ReplicaAdvice[] = [];
  #advisedMs = 0;

  constructor(
    log: Log,
    store: StateStore,
    registry: SeriesRegistry,
    private readonly clock: Clock,
    @Inject(SETTINGS) settings: Settings,
    metrics: Metrics,
    health: Health,
  ) {
    const { watches } = settings.paths;
    // Their errors are the anomaly service's to tell: it reads the same files.
    this.watches = watches === undefined ? [] : parseWatchFiles(readDocumentFolder('VIGIL_WATCHES', watches)).watches;
    this.#host = new ProcessorHost<HistoryShard>({
      name: 'forecast',
      topic: topics.samples,
      log,
      store,
      registry,
      commitMs: settings.commitMs,
      now: () => clock.now(),
      create: (_assignment, entries) => new HistoryShard(this.watches, registry, entries),
      onError: (error) => this.#logger.warn(error),
    });
    health.register('forecast', () => this.#host.trouble());
    this.#publish(metrics);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#host.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#host.stop();
  }

  series(): WatchedHistory[] {
    return this.#host.shards().flatMap((shard) => shard.series());
  }

  /**
   * Quantiles of the steps that follow the newest value.
   * @throws HistoryError, RangeError as {@link forecast}.
   */
  forecast(
    { id, watch, labels, history }: WatchedHistory,
    request: { horizon: number; levels: readonly number[]; season?: number | undefined },
  ): ForecastAnswer {
    const result = forecast({ history: history.last(lookBack), ...request });
    return {
      schemaVersion,
      id,
      series: `${watch.name}${labelsToString(labels)}`,
      unit: watch.unit,
      madeAt: new Date(this.clock.now()).toISOString(),
      stepMs: watch.stepMs,
      levels: [...result.levels],
      points: pointsOf(result, history.newestMs, watch.stepMs),
      evidence: {
        historyPoints: result.historyPoints,
        season: result.season,
        models: result.models.map((model) => ({ ...model })),
        backtestCoverage: result.backtestCoverage ?? null,
      },
      provenance: {
        documentHash: watch.documentHash,
        modelVersion: forecasterVersion,
        logOffsets: this.#host.offsets(),
      },
    };
  }

  /**
   * Replicas that a service's demand asks for within the next half minute's steps. The highest of what was seen just now
   * and the 95 % quantile of what is forecast counts: a demand that rose a moment ago is no forecast.
   * @throws HistoryError while the demand's past is too short.
   */
  replicas(demand: WatchedHistory): ReplicaAdvice {
    const { watch, labels, history } = demand;
    const { capacity, stepMs } = watch;
    if (capacity === undefined) throw new RangeError(`watch '${watch.name}' states no capacity`);
    const { quantiles } = forecast({ history: history.last(lookBack), horizon: adviceSteps, levels: adviceLevels });
    const recent = [...history.last(recentSteps)].filter((value) => Number.isFinite(value));
    const peak = Math.max(...quantiles[1]!, ...recent);
    const { perReplica, targetUtilisation, min, max } = capacity;
    const { replicas, reason } = replicasFor({ peak, capacityPerReplica: perReplica, targetUtilisation, min, max });
    return {
      schemaVersion,
      service: watch.service,
      series: `${watch.name}${labelsToString(labels)}`,
      replicas,
      reason: `${reason} (95 % quantile of ${(adviceSteps * stepMs) / 1_000} s ahead)`,
      at: new Date(this.clock.now()).toISOString(),
      peak,
      capacityPerReplica: perReplica,
      targetUtilisation,
      provenance: {
        documentHash: watch.documentHash,
        modelVersion: forecasterVersion,
        logOffsets: this.#host.offsets(),
      },
    };
  }

  /** Advice for every service whose demand is known; a few seconds old at most. */
  advice(): ReplicaAdvice[] {
    const now = this.clock.now();
    if (now - this.#advisedMs >= adviceForMs) {
      this.#advisedMs = now;
      this.#advice = [...new Set(this.watches.map((watch) => watch.service))].flatMap((service) =>
        this.#adviseOn(service),
      );
    }
    return this.#advice;
  }

  /** The series that says what a service has to serve, where a watch states its capacity. */
  demandOf(service: string): WatchedHistory | undefined {
    return this.series()
      .filter(({ watch }) => watch.service === service && watch.capacity !== undefined)
      .sort((a, b) => b.history.newestMs - a.history.newestMs)[0];
  }

  #adviseOn(service: string): ReplicaAdvice[] {
    const demand = this.demandOf(service);
    if (demand === undefined) return [];
    try {
      return [this.replicas(demand)];
    } catch (error) {
      // Too short a past: nothing is advised, and nothing is shown.
      if (error instanceof HistoryError) return [];
      throw error;
    }
  }

  #publish(metrics: Metrics): void {
    metrics.processor('forecast', this.#host);
    metrics.gauge('vigil_forecast_replicas', 'Replicas recommended by the forecast demand', ['service'], (gauge) => {
      gauge.reset();
      for (const { service, replicas } of this.advice()) gauge.set({ service }, replicas);
    });
    metrics.gauge('vigil_forecast_demand_peak', 'Demand expected at most, 95 % quantile', ['service'], (gauge) => {
      gauge.reset();
      for (const { service, peak } of this.advice()) gauge.set({ service }, peak);
    });
    metrics.gauge('vigil_forecast_series', 'Series whose past is kept for forecasts', [], (gauge) =>
      gauge.set(this.series().length),
    );
  }
}

function pointsOf({ mean, quantiles }: ForecastResult, newestMs: number, stepMs: number): ForecastAnswer['points'] {
  return Array.from(mean, (value, h) => ({
    t: newestMs + (h + 1) * stepMs,
    mean: value,
    quantiles: quantiles.map((each) => each[h]!),
  }));
}
