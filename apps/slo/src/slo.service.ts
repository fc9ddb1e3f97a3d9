import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { makeSignal, type Signal, topics } from '@vigil/contracts';
import {
  type Assignment,
  Clock,
  Health,
  Log,
  Metrics,
  ProcessorHost,
  SampleLog,
  readDocumentFolder,
  SETTINGS,
  SignalQueue,
  type Settings,
  StateStore,
} from '@vigil/platform';
import {
  BurnAlerts,
  type BurnTransition,
  errorRatioBuckets,
  evaluateShards,
  loadSloFiles,
  SloEngine,
  type SloDefinition,
  type SloEvaluation,
  sumShards,
} from '@vigil/slo';
import { SeriesRegistry } from '@vigil/telemetry';
import { SliPoints } from './sli-points.js';
import { alertsPage, type SharedPage, SloShard } from './slo-shard.js';

/** Replicas export moments apart: an edge is judged when samples this much newer have been seen. */
const settleMs = 2_000;
/** After an outage the edges missed are judged one by one, so that a replay says the same; not for ever. */
const edgesAtOnce = 600;

/** Counts events from the sample log, judges every SLO at the edges of its buckets in event time, and says what burns. */
@Injectable()
export class SloService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('slo');
  readonly definitions: readonly SloDefinition[];
  readonly #host: ProcessorHost<SloShard>;
  readonly #judgedMs: number[];
  #alerts = new BurnAlerts();
  readonly #alertsPage: SharedPage;
  readonly #points: SliPoints;
  readonly #signals: SignalQueue;

  constructor(
    log: Log,
    store: StateStore,
    private readonly registry: SeriesRegistry,
    samples: SampleLog,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
    metrics: Metrics,
    health: Health,
  ) {
    const { definitions, errors } =
      settings.paths.slos === undefined
        ? { definitions: [], errors: [] }
        : loadSloFiles(readDocumentFolder('VIGIL_SLOS', settings.paths.slos));
    for (const { file, line, path, message } of errors) this.#logger.error(`${file}:${line}: ${path}: ${message}`);
    this.definitions = definitions;
    this.#judgedMs = definitions.map(() => 0);
    this.#points = new SliPoints(samples, registry);
    this.#signals = new SignalQueue(log);
    this.#alertsPage = { isDirty: false, write: () => new TextEncoder().encode(this.#alerts.serialise()) };
    this.#host = new ProcessorHost<SloShard>({
      name: 'slo',
      topic: topics.samples,
      log,
      store,
      registry,
      commitMs: settings.commitMs,
      now: () => clock.now(),
      create: (assignment, entries) => this.#shard(assignment, entries),
      afterBatch: () => this.#judge(),
      onError: (error) => this.#logger.warn(error),
    });
    health.register('slo', () => this.#host.trouble());
    this.#publish(metrics, errors.length);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#host.start();
    this.#logger.log(`${this.definitions.length} SLOs`);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#host.stop();
  }

  /** How the SLO stands at the newest edge that was judged; its window's start while nothing was counted. */
  evaluate(slo: number): SloEvaluation | undefined {
    const engines = this.engines();
    if (engines.length === 0) return undefined;
    return evaluateShards(engines, slo, this.edgeMs(slo));
  }

  /** The newest event time that the SLO can be judged at, 0 before the first sample. */
  edgeMs(slo: number): number {
    return Math.max(0, ...this.#host.shards().map((shard) => shard.edgeMs(slo)));
  }

  engines(): SloEngine[] {
    return this.#host.shards().map(({ engine }) => engine);
  }

  /** Next offsets of the log by partition: what the numbers rest on. */
  offsets(): Record<string, number> {
    return this.#host.offsets();
  }

  isFiring(slo: string, pair: string): boolean {
    return this.#alerts.isFiring(slo, pair);
  }

  #shard({ partition }: Assignment, entries: ReadonlyMap<string, Uint8Array>): SloShard {
    const engine = new SloEngine(this.definitions, { latenessMs: this.settings.latenessMs });
    engine.restore(entries, this.registry);
    const alerts = entries.get(alertsPage);
    if (alerts !== undefined) this.#alerts = BurnAlerts.restore(new TextDecoder().decode(alerts));
    return new SloShard(engine, this.registry, partition === 0 ? this.#alertsPage : undefined);
  }

  async #judge(): Promise<void> {
    const engines = this.engines();
    this.definitions.forEach((definition, slo) => {
      const { bucketMs } = definition;
      const newestMs = this.edgeMs(slo);
      const edgeMs = Math.floor((newestMs - settleMs) / bucketMs) * bucketMs;
      if (edgeMs <= this.#judgedMs[slo]!) return;
      const first = this.#judgedMs[slo] === 0 ? edgeMs : this.#judgedMs[slo]! + bucketMs;
      for (let at = Math.max(first, edgeMs - edgesAtOnce * bucketMs); at <= edgeMs; at += bucketMs) {
        this.#points.add(definition, at, sumShards(engines, slo, at - errorRatioBuckets * bucketMs, at));
        for (const transition of this.#alerts.update(evaluateShards(engines, slo, at))) {
          this.#alertsPage.isDirty = true;
          this.#signals.push(this.#signal(definition, transition));
        }
      }
      this.#judgedMs[slo] = edgeMs;
    });
    await this.#points.flush(this.clock.now());
    await this.#signals.flush();
  }

  #signal(definition: SloDefinition, transition: BurnTransition): Signal {
    const { id, window, status, startsAtMs, endsAtMs, longBurn, shortBurn } = transition;
    const [burn, overMs] = status === 'firing' ? [longBurn, window.longMs] : [shortBurn, window.shortMs];
    const words = `${definition.displayName}: the error budget burns ${burn.toFixed(1)} times as fast as it may over ${overMs / 1_000} s (limit ${window.factor})`;
    return makeSignal({
      source: 'slo',
      id: `burn:${id}:${status}`,
      subject: definition.name,
      timeMs: endsAtMs ?? startsAtMs,
      data: {
        kind: 'burn',
        status,
        severity: window.severity,
        labels: {
          ...textLabels(definition.labels),
          alertname: 'ErrorBudgetBurn',
          slo: definition.name,
          service: definition.service,
          severity: window.severity,
          window: window.name,
        },
        annotations: { ...definition.annotations, summary: words },
        evidence: {
          burnLong: longBurn,
          burnShort: shortBurn,
          factor: window.factor,
          longMs: window.longMs,
          shortMs: window.shortMs,
        },
        startsAtMs,
        endsAtMs,
        provenance: { documentHash: definition.documentHash, logOffsets: this.#host.offsets() },
      },
    });
  }

  #publish(metrics: Metrics, documentErrors: number): void {
    metrics.processor('slo', this.#host);
    metrics.gauge('vigil_slo_document_errors', 'Errors in the SLO documents read at start', [], (gauge) =>
      gauge.set(documentErrors),
    );
    const each = (set: (definition: SloDefinition, evaluation: SloEvaluation) => void): void => {
      this.definitions.forEach((definition, slo) => {
        const evaluation = this.evaluate(slo);
        if (evaluation !== undefined) set(definition, evaluation);
      });
    };
    const names = ['slo', 'service'] as const;
    metrics.gauge('vigil_slo_objective_ratio', 'Share of good events promised', names, (gauge) =>
      each(({ name, service, target }) => gauge.set({ slo: name, service }, target)),
    );
    metrics.gauge('vigil_slo_window_seconds', 'Length of the SLO window', names, (gauge) =>
      each(({ name, service, windowMs }) => gauge.set({ slo: name, service }, windowMs / 1_000)),
    );
    metrics.gauge(
      'vigil_slo_burn_firing',
      '1 while both windows of a pair burn too fast',
      [...names, 'window', 'severity'],
      (gauge) =>
        each(({ name, service }, { pairs }) => {
          for (const { window } of pairs) {
            const labels = { slo: name, service, window: window.name, severity: window.severity };
            gauge.set(labels, Number(this.isFiring(name, window.name)));
          }
        }),
    );
    metrics.gauge('vigil_slo_error_budget_remaining_ratio', 'Error budget left: 1 untouched, 0 spent', names, (gauge) =>
      each(({ name, service }, { budgetRemaining }) => gauge.set({ slo: name, service }, budgetRemaining)),
    );
    metrics.gauge('vigil_slo_window_good_events', 'Good events in the SLO window', names, (gauge) =>
      each(({ name, service }, { counts }) => gauge.set({ slo: name, service }, counts.good)),
    );
    metrics.gauge('vigil_slo_window_events', 'Events in the SLO window', names, (gauge) =>
      each(({ name, service }, { counts }) => gauge.set({ slo: name, service }, counts.total)),
    );
    metrics.gauge('vigil_slo_burn_rate', 'Error budget burn by window pair', [...names, 'window', 'range'], (gauge) =>
      each(({ name, service }, { pairs }) => {
        for (const { window, longBurn, shortBurn } of pairs) {
          gauge.set({ slo: name, service, window: window.name, range: 'long' }, longBurn);
          gauge.set({ slo: name, service, window: window.name, range: 'short' }, shortBurn);
        }
      }),
    );
  }
}

/** OpenSLO allows lists as label values; a signal's labels are text. */
function textLabels(labels: Readonly<Record<string, string | readonly string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, typeof value === 'string' ? value : value.join(',')]),
  );
}
