import { SeriesHistory } from '@vigil/forecast';
import type { ShardProcessor } from '@vigil/platform';
import { StreamEvaluator, type StreamPoint, type Watch } from '@vigil/promql';
import { fingerprint, type Labels, type SampleBatch, type SeriesRegistry } from '@vigil/telemetry';

/** Chunks kept a series: 4,096 values, which is over an hour at 1 s and 17 hours at 15 s. */
const chunksMax = 16;
const evaluatorPage = (stepMs: number, queries: string): string => `evaluator/${stepMs}/${queries}`;
const staleSteps = 10;

/** One watched series and its past. */
export interface WatchedHistory {
  /** Stable: made of the watch and the labels. */
  readonly id: string;
  readonly watch: Watch;
  readonly labels: Labels;
  readonly history: SeriesHistory;
}

interface StepEvaluator {
  readonly watches: readonly Watch[];
  readonly evaluator: StreamEvaluator;
  readonly page: string;
}

/** One partition's watched series: evaluates the watches' queries as samples pass and keeps what comes out. */
export class HistoryShard implements ShardProcessor {
  readonly #series = new Map<string, WatchedHistory>();
  readonly #evaluators: StepEvaluator[];
  #moved = false;

  constructor(
    private readonly watches: readonly Watch[],
    private readonly registry: SeriesRegistry,
    entries: ReadonlyMap<string, Uint8Array>,
  ) {
    const steps = [...new Set(watches.map(({ stepMs }) => stepMs))];
    this.#evaluators = steps.map((stepMs) => this.#evaluator(stepMs, entries));
    this.#restore(entries);
  }

  series(): WatchedHistory[] {
    return [...this.#series.values()];
  }

  observe(batch: SampleBatch, receivedAtMs: number): void {
    for (const { evaluator, watches } of this.#evaluators)
      for (const point of evaluator.observe(batch, receivedAtMs)) this.#keep(watches[point.query]!, point);
    this.#moved = true;
  }

  dirtyPages(): Map<string, Uint8Array> {
    const pages = new Map<string, Uint8Array>();
    if (this.#moved) for (const { evaluator, page } of this.#evaluators) pages.set(page, evaluator.snapshot());
    for (const { id, watch, labels, history } of this.#series.values()) {
      const chunks = history.dirtyChunks();
      if (chunks.size === 0) continue;
      pages.set(`series/${id}`, new TextEncoder().encode(JSON.stringify({ watch: watch.name, labels })));
      for (const [index, bytes] of chunks) pages.set(`chunk/${id}/${index}`, bytes);
    }
    return pages;
  }

  markClean(): void {
    this.#moved = false;
    for (const { history } of this.#series.values()) history.markClean();
  }

  markDirty(keys: Iterable<string>): void {
    this.#moved = true;
    for (const key of keys) {
      const [kind, id, index] = key.split('/');
      if (kind === 'chunk') this.#series.get(id!)?.history.markDirty(Number(index));
    }
  }

  #evaluator(stepMs: number, entries: ReadonlyMap<string, Uint8Array>): StepEvaluator {
    const watches = this.watches.filter((watch) => watch.stepMs === stepMs);
    const evaluator = new StreamEvaluator(
      watches.map(({ name, query }) => ({ name, query })),
      this.registry,
      { stepMs, staleMs: Math.min(300_000, staleSteps * stepMs) },
    );
    // Under the hash of its queries: after a change of them the evaluator starts anew, and no old state misleads it.
    const page = evaluatorPage(stepMs, fingerprint({ queries: watches.map(({ queryText }) => queryText).join('\n') }));
    const snapshot = entries.get(page);
    if (snapshot !== undefined) evaluator.restore(snapshot);
    return { watches, evaluator, page };
  }

  #keep(watch: Watch, { labels, timeMs, value }: StreamPoint): void {
    this.#of(watch, labels).history.add(timeMs, value);
  }

  #of(watch: Watch, labels: Labels): WatchedHistory {
    const id = fingerprint({ ...labels, __watch__: watch.name });
    let known = this.#series.get(id);
    if (known === undefined) {
      known = { id, watch, labels, history: new SeriesHistory(watch.stepMs, chunksMax) };
      this.#series.set(id, known);
    }
    return known;
  }

  /** Series of watches that are gone are left aside. */
  #restore(entries: ReadonlyMap<string, Uint8Array>): void {
    const byName = new Map(this.watches.map((watch) => [watch.name, watch]));
    for (const [key, bytes] of entries) {
      if (!key.startsWith('series/')) continue;
      const { watch, labels } = JSON.parse(new TextDecoder().decode(bytes)) as { watch: string; labels: Labels };
      const known = byName.get(watch);
      if (known !== undefined) this.#of(known, labels);
    }
    for (const [key, bytes] of entries) {
      const [kind, id, index] = key.split('/');
      if (kind === 'chunk') this.#series.get(id!)?.history.restore(Number(index), bytes);
    }
  }
}
