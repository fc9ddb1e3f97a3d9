import { canonicalJson } from '@vigil/catalog';
import {
  ByteReader,
  ByteWriter,
  IncrementTracker,
  type IncrementSink,
  type Labels,
  type SeriesKind,
} from '@vigil/telemetry';

/** What the engine asks of the process's registry of series. */
export interface SeriesSource {
  readonly size: number;
  labels(id: number): Labels;
  kind(id: number): SeriesKind;
}

/** Where restored series get their ids of this process from. */
export interface SeriesInterner {
  intern(labels: Labels, kind?: SeriesKind): number;
}

const formatVersion = 1;
const slotsPerPage = 256;
const labelsPrefix = 'series/';
const samplesPrefix = 'samples/';
const noSlot = -1;
const unseen = -2;

/**
 * The series that one engine counts: a slot for each, from its id, and its increment state; stored in pages of 256 slots:
 * `series/<page>` says which series they are and changes when one is added, `samples/<page>` holds their recent samples.
 */
export class TrackedSeries {
  readonly #tracker: IncrementTracker;
  #slotOf = new Int32Array(1_024).fill(unseen);
  readonly #labels: (Labels | undefined)[] = [];
  readonly #isDelta: boolean[] = [];
  readonly #dirty = new Set<string>();
  #lastPage = -1;

  constructor(latenessMs: number, sink: IncrementSink) {
    this.#tracker = new IncrementTracker(latenessMs, sink);
  }

  get tracker(): IncrementTracker {
    return this.#tracker;
  }

  /** Slots given so far. */
  get size(): number {
    return this.#labels.length;
  }

  /** Makes room for the ids of a registry of that size. */
  reserve(registrySize: number): void {
    if (registrySize <= this.#slotOf.length) return;
    const larger = new Int32Array(Math.max(registrySize, this.#slotOf.length * 2)).fill(unseen);
    larger.set(this.#slotOf);
    this.#slotOf = larger;
  }

  /** The slot of the id; negative when nothing counts it, -2 when nobody has asked yet. */
  slotOf(id: number): number {
    return this.#slotOf[id]!;
  }

  isUnseen(slot: number): boolean {
    return slot === unseen;
  }

  ignore(id: number): void {
    this.#slotOf[id] = noSlot;
  }

  /** Gives the series the next slot. */
  track(id: number, labels: Labels, kind: SeriesKind): number {
    const slot = this.#labels.length;
    this.#labels.push(labels);
    this.#isDelta.push(kind === 'delta');
    this.#slotOf[id] = slot;
    this.#dirty.add(`${labelsPrefix}${Math.floor(slot / slotsPerPage)}`);
    return slot;
  }

  add(slot: number, timeMs: number, value: number, startMs: number): void {
    const page = Math.floor(slot / slotsPerPage);
    // Payloads keep to one page for long stretches; the set is asked only where the page changes.
    if (page !== this.#lastPage) {
      this.#dirty.add(`${samplesPrefix}${page}`);
      this.#lastPage = page;
    }
    this.#tracker.add(slot, timeMs, value, startMs, this.#isDelta[slot]!);
  }

  pageKeys(onlyDirty: boolean): Iterable<string> {
    if (onlyDirty) return this.#dirty;
    const pages = Math.ceil(this.size / slotsPerPage);
    return Array.from({ length: pages }, (_, page) => [`${labelsPrefix}${page}`, `${samplesPrefix}${page}`]).flat();
  }

  owns(key: string): boolean {
    return key.startsWith(labelsPrefix) || key.startsWith(samplesPrefix);
  }

  markClean(): void {
    this.#dirty.clear();
    this.#lastPage = -1;
  }

  markDirty(key: string): void {
    this.#dirty.add(key);
  }

  write(key: string): Uint8Array {
    const out = new ByteWriter();
    out.u8(formatVersion);
    const isLabels = key.startsWith(labelsPrefix);
    const first = Number(key.slice((isLabels ? labelsPrefix : samplesPrefix).length)) * slotsPerPage;
    for (let slot = first; slot < Math.min(first + slotsPerPage, this.size); slot++) {
      const labels = this.#labels[slot];
      if (isLabels) {
        // A slot that nobody counts any more stays empty, so that the others keep their numbers.
        out.text(labels === undefined ? '' : canonicalJson(labels));
        out.u8(this.#isDelta[slot] === true ? 1 : 0);
      } else this.#tracker.write(slot, out);
    }
    return out.finish();
  }

  /**
   * Takes pages back into an empty instance.
   * @param wanted whether a series is still counted; the others are forgotten. Told its slot, as it will be.
   * @throws RangeError when a page is cut short or of another version.
   */
  restore(
    entries: ReadonlyMap<string, Uint8Array>,
    registry: SeriesInterner,
    wanted: (labels: Labels, slot: number) => boolean,
  ): void {
    for (let page = 0; ; page++) {
      const labelsPage = entries.get(`${labelsPrefix}${page}`);
      if (labelsPage === undefined) return;
      const names = openPage(labelsPage, `${labelsPrefix}${page}`);
      const samplesPage = entries.get(`${samplesPrefix}${page}`);
      const samples = samplesPage === undefined ? undefined : openPage(samplesPage, `${samplesPrefix}${page}`);
      while (!names.done) {
        const slot = this.#labels.length;
        const text = names.text();
        const isDelta = names.u8() === 1;
        if (samples !== undefined && !samples.done) this.#tracker.read(slot, samples);
        this.#isDelta.push(isDelta);
        const labels = text === '' ? undefined : (JSON.parse(text) as Labels);
        if (labels !== undefined && wanted(labels, slot)) {
          const id = registry.intern(labels, isDelta ? 'delta' : 'unknown');
          this.reserve(id + 1);
          this.#slotOf[id] = slot;
          this.#labels.push(labels);
        } else {
          if (text !== '') this.#forget(slot, page);
          this.#labels.push(undefined);
        }
      }
    }
  }

  #forget(slot: number, page: number): void {
    this.#tracker.free(slot);
    this.#dirty.add(`${labelsPrefix}${page}`).add(`${samplesPrefix}${page}`);
  }
}

function openPage(bytes: Uint8Array, key: string): ByteReader {
  const page = new ByteReader(bytes);
  const version = page.u8();
  if (version !== formatVersion) {
    throw new RangeError(`page ${key} is of version ${version}; this program reads version ${formatVersion}`);
  }
  return page;
}
