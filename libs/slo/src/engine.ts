import { ByteReader, ByteWriter, type Labels, type SampleBatch } from '@vigil/telemetry';
import type { EventCounts } from './burn.js';
import type { SloDefinition } from './compile.js';
import { type PartCounts, type Role, SloCounts, tiersFor } from './counts.js';
import { type Budget, budgetOf, evaluateSlo, type SloEvaluation } from './evaluation.js';
import { SeriesIndex } from './series-index.js';
import { type SeriesInterner, type SeriesSource, TrackedSeries } from './tracked-series.js';

export interface SloEngineOptions {
  /** How much older than its series' newest sample a sample may be. Default 5 minutes. */
  readonly latenessMs?: number;
  /** How far ahead of its arrival a sample may be; a clock further off must not empty the rings. Default 10 minutes. */
  readonly aheadMs?: number;
}

export interface SloEngineStats {
  accepted: number;
  duplicates: number;
  late: number;
  /** Samples from further in the future than {@link SloEngineOptions.aheadMs}. */
  ahead: number;
  resets: number;
  /** Series that count towards some SLO. */
  series: number;
}

const countsPrefix = 'counts/';

/**
 * Counts the events of all SLOs in one shard (a partition of the sample log) from the samples of their counters. Its
 * state is a function of the set of accepted samples; where SLOs have several shards, their counts are added when
 * judged ({@link evaluateShards}).
 */
export class SloEngine {
  readonly definitions: readonly SloDefinition[];
  readonly #index: SeriesIndex;
  readonly #series: TrackedSeries;
  readonly #counts: SloCounts[];
  readonly #aheadMs: number;
  #ahead = 0;
  #watermarkMs = 0;
  /** Where the attachments of each slot start; they end where the next slot's start. */
  #attachedFrom = new Int32Array(256);
  /** Attachments in a row: twice the SLO's index plus the role; the sign beside. */
  #targets = new Int32Array(512);
  #signs = new Int8Array(512);
  #attached = 0;

  /** @throws RangeError when two definitions have one name. */
  constructor(
    definitions: readonly SloDefinition[],
    { latenessMs = 300_000, aheadMs = 600_000 }: SloEngineOptions = {},
  ) {
    const names = new Set<string>();
    for (const { name } of definitions) {
      if (names.has(name)) throw new RangeError(`two SLOs are named '${name}'`);
      names.add(name);
    }
    this.definitions = definitions;
    this.#aheadMs = aheadMs;
    this.#index = new SeriesIndex(definitions);
    this.#counts = definitions.map(emptyCounts);
    this.#series = new TrackedSeries(latenessMs, (slot, timeMs, delta) => this.#count(slot, timeMs, delta));
  }

  /**
   * Counts a batch. Series are looked at once, when their first sample comes.
   * @param receivedAtMs when the batch arrived: bounds how far ahead its samples may be.
   */
  observe(batch: SampleBatch, registry: SeriesSource, receivedAtMs = Infinity): void {
    const { length, ids, times, values, starts } = batch;
    const series = this.#series;
    const newestAllowedMs = receivedAtMs + this.#aheadMs;
    series.reserve(registry.size);
    for (let i = 0; i < length; i++) {
      const id = ids[i]!;
      let slot = series.slotOf(id);
      if (slot < 0) {
        if (!series.isUnseen(slot)) continue;
        slot = this.#meet(id, registry);
        if (slot < 0) continue;
      }
      const timeMs = times[i]!;
      // NaN compares false: such a time is refused too.
      if (!(timeMs > 0 && timeMs <= newestAllowedMs)) {
        this.#ahead++;
        continue;
      }
      if (timeMs > this.#watermarkMs) this.#watermarkMs = timeMs;
      series.add(slot, timeMs, values[i]!, starts === undefined ? 0 : starts[i]!);
    }
  }

  /** Index of the SLO among the definitions, or -1. */
  indexOf(name: string): number {
    return this.definitions.findIndex((definition) => definition.name === name);
  }

  /** Newest event time of any sample that counts towards an SLO, its increment being 0 or not; 0 before the first. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Newest event time at which an event of the SLO was counted here, 0 before the first. */
  newestMs(slo: number): number {
    return this.#of(slo).newestMs;
  }

  /** Good and total events in (fromMs, toMs]. */
  sum(slo: number, fromMs: number, toMs: number): EventCounts {
    return goodOf(this.#definition(slo), this.#of(slo).sum(fromMs, toMs));
  }

  /** How the SLO stands by this shard's counts. */
  evaluate(slo: number, atMs: number): SloEvaluation {
    return evaluateShards([this], slo, atMs);
  }

  budget(slo: number, atMs: number): Budget {
    return budgetOf(this.#definition(slo), this.evaluate(slo, atMs));
  }

  stats(): SloEngineStats {
    const { accepted, duplicate, conflict, late, resets } = this.#series.tracker.counted;
    return { accepted, duplicates: duplicate + conflict, late, ahead: this.#ahead, resets, series: this.#series.size };
  }

  /** All pages of the state. */
  snapshot(): Map<string, Uint8Array> {
    return this.#pages(false);
  }

  /** Pages that changed since {@link markClean}, as copies. */
  dirtyPages(): Map<string, Uint8Array> {
    return this.#pages(true);
  }

  markClean(): void {
    this.#series.markClean();
    for (const counts of this.#counts) counts.markClean();
  }

  /** These pages could not be stored: they are dirty still. */
  markDirty(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.#series.owns(key)) this.#series.markDirty(key);
      else {
        const { name, page } = splitKey(key);
        const slo = this.indexOf(name);
        if (slo >= 0) this.#of(slo).markDirty(page);
      }
    }
  }

  /**
   * Takes back the pages of an earlier engine; call it before anything is observed. An SLO whose document changed keeps
   * its counts while what it counts stays the same, else it starts anew.
   * @throws RangeError when a page is cut short or of another version.
   */
  restore(entries: ReadonlyMap<string, Uint8Array>, registry: SeriesInterner): void {
    this.#series.restore(entries, registry, (labels) => this.#attach(labels) > 0);
    this.definitions.forEach((definition, slo) => {
      const prefix = `${countsPrefix}${definition.name}`;
      const header = entries.get(prefix);
      if (header === undefined) return;
      const from = new ByteReader(header);
      const wanted = this.#of(slo);
      if (from.text() !== definition.sliText) {
        // What is stored under these keys counted something else: the next commit overwrites all of it.
        wanted.markDirty();
        return;
      }
      const stored = SloCounts.readHeader(from);
      for (const page of stored.pageKeys(false)) {
        const bytes = page === '' ? undefined : entries.get(`${prefix}/${page}`);
        if (bytes !== undefined) stored.readPage(page, new ByteReader(bytes));
      }
      if (sameTiers(stored, wanted)) {
        stored.markClean();
        this.#counts[slo] = stored;
      } else if (!wanted.adopt(stored)) wanted.markDirty();
      this.#watermarkMs = Math.max(this.#watermarkMs, stored.newestMs);
    });
  }

  #count(slot: number, timeMs: number, delta: number): void {
    const end = this.#attachedFrom[slot + 1]!;
    for (let i = this.#attachedFrom[slot]!; i < end; i++) {
      const target = this.#targets[i]!;
      this.#counts[target >> 1]!.add((target & 1) as Role, timeMs, delta * this.#signs[i]!);
    }
  }

  #meet(id: number, registry: SeriesSource): number {
    const labels = registry.labels(id);
    if (this.#index.attachments(labels).length === 0) {
      this.#series.ignore(id);
      return -1;
    }
    this.#attach(labels);
    return this.#series.track(id, labels, registry.kind(id));
  }

  /** Appends the attachments of the next slot. @returns how many there are. */
  #attach(labels: Labels): number {
    const attachments = this.#index.attachments(labels);
    const slot = this.#series.size;
    while (slot + 2 > this.#attachedFrom.length) this.#attachedFrom = wider(this.#attachedFrom);
    while (this.#attached + attachments.length > this.#targets.length) {
      this.#targets = wider(this.#targets);
      const signs = new Int8Array(this.#targets.length);
      signs.set(this.#signs);
      this.#signs = signs;
    }
    this.#attachedFrom[slot] = this.#attached;
    for (const { slo, role, sign } of attachments) {
      this.#targets[this.#attached] = slo * 2 + role;
      this.#signs[this.#attached++] = sign;
    }
    this.#attachedFrom[slot + 1] = this.#attached;
    return attachments.length;
  }

  #pages(onlyDirty: boolean): Map<string, Uint8Array> {
    const pages = new Map<string, Uint8Array>();
    for (const key of this.#series.pageKeys(onlyDirty)) pages.set(key, this.#series.write(key));
    this.#counts.forEach((counts, slo) => {
      const { name, sliText } = this.#definition(slo);
      for (const page of counts.pageKeys(onlyDirty)) {
        const out = new ByteWriter();
        if (page === '') out.text(sliText);
        counts.write(page, out);
        pages.set(page === '' ? `${countsPrefix}${name}` : `${countsPrefix}${name}/${page}`, out.finish());
      }
    });
    return pages;
  }

  #definition(slo: number): SloDefinition {
    const definition = this.definitions[slo];
    if (definition === undefined) throw new RangeError(`no SLO ${slo} among ${this.definitions.length}`);
    return definition;
  }

  #of(slo: number): SloCounts {
    const counts = this.#counts[slo];
    if (counts === undefined) throw new RangeError(`no SLO ${slo} among ${this.#counts.length}`);
    return counts;
  }
}

/**
 * How an SLO stands by the counts of all its shards, whose engines have the same definitions. @throws RangeError
 * without engines.
 */
export function evaluateShards(engines: readonly SloEngine[], slo: number, atMs: number): SloEvaluation {
  const definition = engines[0]?.definitions[slo];
  if (definition === undefined) throw new RangeError(`no SLO ${slo} among ${engines[0]?.definitions.length ?? 0}`);
  return evaluateSlo(definition, atMs, (fromMs, toMs) => sumShards(engines, slo, fromMs, toMs));
}

/** Good and total events of all shards in (fromMs, toMs]. */
export function sumShards(engines: readonly SloEngine[], slo: number, fromMs: number, toMs: number): EventCounts {
  let good = 0;
  let total = 0;
  for (const engine of engines) {
    const counts = engine.sum(slo, fromMs, toMs);
    good += counts.good;
    total += counts.total;
  }
  return { good, total };
}

function goodOf({ sli }: SloDefinition, { part, total }: PartCounts): EventCounts {
  return { good: sli.good === undefined ? total - part : part, total };
}

function emptyCounts({ windowMs, bucketMs, alertWindows }: SloDefinition): SloCounts {
  const longestAlertMs = Math.max(...alertWindows.map(({ longMs }) => longMs));
  return new SloCounts(tiersFor({ windowMs, bucketMs, longestAlertMs }));
}

function sameTiers(a: SloCounts, b: SloCounts): boolean {
  return (
    a.tiers.length === b.tiers.length &&
    a.tiers.every(({ bucketMs, buckets }, i) => b.tiers[i]!.bucketMs === bucketMs && b.tiers[i]!.buckets === buckets)
  );
}

/** `counts/checkout/0/3` is page `0/3` of SLO `checkout`; names hold no slash. */
function splitKey(key: string): { name: string; page: string } {
  const [name = '', ...page] = key.slice(countsPrefix.length).split('/');
  return { name, page: page.join('/') };
}

function wider(lane: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(lane.length * 2);
  larger.set(lane);
  return larger;
}
