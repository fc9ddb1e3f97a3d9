import type { ShardProcessor } from '@vigil/platform';
import { StreamEvaluator, type StreamPoint, type Watch } from '@vigil/promql';
import { isErrorRatioWatch } from '@vigil/slo';
import { fingerprint, type SampleBatch, type SeriesRegistry } from '@vigil/telemetry';
import { type SeriesChange, seriesId, WatchedSeriesState } from './watched-series.js';

const seriesPrefix = 'series/';
const pointsPrefix = 'points/';
/** Series that one shard watches at most; a query without an aggregation may name any number. */
const seriesMax = 10_000;
const forgetMs = 86_400_000;

interface StepEvaluator {
  readonly page: string;
  readonly stepMs: number;
  readonly staleMs: number;
  readonly watches: readonly Watch[];
  readonly evaluator: StreamEvaluator;
  edgeMs: number;
}

/** After so long a series has no value: some steps, at most five minutes. */
export const staleMsOf = (stepMs: number): number => Math.min(10 * stepMs, 300_000);

/**
 * One partition's watches: queries are evaluated at the edges of their steps, each resulting series has its detector. The
 * same samples give the same changes.
 */
export class AnomalyShard implements ShardProcessor {
  readonly #evaluators: StepEvaluator[];
  readonly #series = new Map<string, WatchedSeriesState>();
  readonly #dirty = new Set<string>();
  /** Pages of what is no longer watched: emptied at the next commit. */
  readonly #gone = new Set<string>();
  /** Changes that nobody has been told of yet. */
  unsaid: SeriesChange[] = [];
  points = 0;
  refused = 0;

  constructor(watches: readonly Watch[], registry: SeriesRegistry) {
    this.#evaluators = groupsOf(watches).map((group) => {
      const { stepMs } = group[0]!;
      const staleMs = staleMsOf(stepMs);
      const asked = group.map(({ name, queryText }) => [name, queryText]);
      return {
        page: `evaluator/${stepMs}/${fingerprint({ asked: JSON.stringify(asked) })}`,
        stepMs,
        staleMs,
        watches: group,
        evaluator: new StreamEvaluator(group, registry, { stepMs, staleMs }),
        edgeMs: 0,
      };
    });
  }

  series(): IterableIterator<WatchedSeriesState> {
    return this.#series.values();
  }

  find(id: string): WatchedSeriesState | undefined {
    return this.#series.get(id);
  }

  observe(batch: SampleBatch, receivedAtMs: number): void {
    for (const step of this.#evaluators) {
      const points = step.evaluator.observe(batch, receivedAtMs);
      this.#dirty.add(step.page);
      for (const point of points) this.#take(step, point);
      if (points.length > 0) this.#endSilent(step);
    }
  }

  dirtyPages(): Map<string, Uint8Array> {
    const pages = new Map<string, Uint8Array>();
    for (const { page, evaluator } of this.#evaluators)
      if (this.#dirty.has(page)) pages.set(page, evaluator.snapshot());
    for (const series of this.#series.values()) {
      if (!series.isDirty) continue;
      pages.set(`${seriesPrefix}${series.id}`, series.write());
      for (const chunk of series.points.dirty)
        pages.set(`${pointsPrefix}${series.id}/${chunk}`, series.points.write(chunk));
    }
    for (const page of this.#gone) pages.set(page, new Uint8Array());
    return pages;
  }

  markClean(): void {
    this.#dirty.clear();
    this.#gone.clear();
    for (const series of this.#series.values()) {
      series.isDirty = false;
      series.points.dirty.clear();
    }
  }

  markDirty(keys: Iterable<string>): void {
    for (const key of keys) {
      const [kind, id = '', chunk] = key.split('/');
      const series = kind === 'evaluator' ? undefined : this.#series.get(id);
      if (kind === 'evaluator') this.#dirty.add(key);
      else if (series === undefined) this.#gone.add(key);
      else {
        series.isDirty = true;
        if (chunk !== undefined) series.points.dirty.add(Number(chunk));
      }
    }
  }

  /** Takes the pages of an earlier shard back; what asks something else now starts anew. */
  restore(entries: ReadonlyMap<string, Uint8Array>): void {
    const watches = new Map(this.#evaluators.flatMap((step) => step.watches.map((watch) => [watch.name, watch])));
    const known = new Set(this.#evaluators.map(({ page }) => page));
    for (const { page, evaluator } of this.#evaluators) {
      const bytes = entries.get(page);
      if (bytes !== undefined && bytes.length > 0) evaluator.restore(bytes);
    }
    for (const [key, bytes] of entries) {
      if (bytes.length === 0 || known.has(key) || key.startsWith(pointsPrefix)) continue;
      const series = key.startsWith(seriesPrefix)
        ? WatchedSeriesState.restore(bytes, watches, (id, chunk) => entries.get(`${pointsPrefix}${id}/${chunk}`))
        : undefined;
      if (series === undefined) this.#gone.add(key);
      else this.#series.set(series.id, series);
    }
  }

  #take(step: StepEvaluator, { query, labels, timeMs, value }: StreamPoint): void {
    const watch = step.watches[query]!;
    step.edgeMs = Math.max(step.edgeMs, timeMs);
    const id = seriesId(watch, labels);
    let series = this.#series.get(id);
    if (series === undefined) {
      if (this.#series.size >= seriesMax) {
        this.refused++;
        return;
      }
      this.#series.set(id, (series = new WatchedSeriesState(watch, labels)));
    }
    this.points++;
    const change = series.add(timeMs, value);
    if (change !== undefined) this.unsaid.push(change);
  }

  /** An anomaly of a series that went silent ends; one long silent is forgotten. */
  #endSilent({ edgeMs, staleMs, stepMs }: StepEvaluator): void {
    for (const series of this.#series.values()) {
      if (series.watch.stepMs !== stepMs) continue;
      const endMs = series.lastMs + 2 * staleMs;
      if (edgeMs <= endMs) continue;
      const change = series.silent(endMs);
      if (change !== undefined) this.unsaid.push(change);
      if (edgeMs - series.lastMs > forgetMs) this.#forget(series);
    }
  }

  #forget({ id }: WatchedSeriesState): void {
    this.#series.delete(id);
    this.#gone.add(`${seriesPrefix}${id}`);
  }
}

/** Watches that one evaluator can serve: of one step, and whose samples come at the same time. */
function groupsOf(watches: readonly Watch[]): Watch[][] {
  const groups = new Map<string, Watch[]>();
  for (const watch of watches) {
    const key = `${watch.stepMs}/${isErrorRatioWatch(watch)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [watch]);
    else group.push(watch);
  }
  return [...groups.values()];
}
