import { type Hash128, hash128 } from './hash.js';
import { canonicalBytes } from './labels.js';
import type { Labels, SeriesKind } from './model.js';

/** Fixed number of slots that series hash into; slots, not series, are spread over partitions. */
export const slotCount = 256;

const kinds: readonly SeriesKind[] = ['unknown', 'gauge', 'counter', 'delta'];

/** Open addressing over 128-bit keys in flat arrays; at most half full. */
class HashTable {
  #mask: number;
  #keys: Int32Array;
  #ids: Int32Array;
  #size = 0;

  constructor(capacity = 1_024) {
    this.#mask = capacity - 1;
    this.#keys = new Int32Array(capacity * 4);
    this.#ids = new Int32Array(capacity).fill(-1);
  }

  /** The id of the key, or -1. */
  get(key: Hash128): number {
    const { a, b, c, d } = key;
    for (let at = a & this.#mask; ; at = (at + 1) & this.#mask) {
      const id = this.#ids[at]!;
      if (id < 0) return -1;
      const k = at << 2;
      if (this.#keys[k] === a && this.#keys[k + 1] === b && this.#keys[k + 2] === c && this.#keys[k + 3] === d)
        return id;
    }
  }

  set(key: Hash128, id: number): void {
    if ((this.#size + 1) * 2 > this.#ids.length) this.#grow();
    this.#put(key.a, key.b, key.c, key.d, id);
    this.#size++;
  }

  #put(a: number, b: number, c: number, d: number, id: number): void {
    let at = a & this.#mask;
    while (this.#ids[at]! >= 0) at = (at + 1) & this.#mask;
    this.#ids[at] = id;
    this.#keys.set([a, b, c, d], at << 2);
  }

  #grow(): void {
    const [keys, ids] = [this.#keys, this.#ids];
    this.#mask = ids.length * 2 - 1;
    this.#keys = new Int32Array(ids.length * 8);
    this.#ids = new Int32Array(ids.length * 2).fill(-1);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (id >= 0) this.#put(keys[i * 4]!, keys[i * 4 + 1]!, keys[i * 4 + 2]!, keys[i * 4 + 3]!, id);
    }
  }
}

/**
 * Gives every series of this process a small id, so that processors work on typed arrays. The same labels are the same
 * series however a sender orders them. Ids hold for the life of the process and mean nothing to another.
 */
export class SeriesRegistry {
  readonly #canonical = new HashTable();
  readonly #wire = new HashTable();
  readonly #labels: Labels[] = [];
  #kinds = new Uint8Array(1_024);
  #slots = new Uint8Array(1_024);
  readonly #hash: Hash128 = { a: 0, b: 0, c: 0, d: 0 };

  get size(): number {
    return this.#labels.length;
  }

  /** The id of the label set; new ones get the next id. An empty value is an absent label. */
  intern(labels: Labels, kind: SeriesKind = 'unknown'): number {
    const bytes = canonicalBytes(labels);
    hash128(bytes, 0, bytes.length, this.#hash);
    const known = this.#canonical.get(this.#hash);
    if (known >= 0) {
      if (kind !== 'unknown') this.#kinds[known] = kinds.indexOf(kind);
      return known;
    }
    const id = this.#labels.length;
    if (id === this.#kinds.length) this.#growLanes();
    this.#labels.push(labels);
    this.#kinds[id] = kinds.indexOf(kind);
    this.#slots[id] = this.#hash.d & (slotCount - 1);
    this.#canonical.set(this.#hash, id);
    return id;
  }

  /**
   * The id of a series by its label bytes as a sender wrote them, or -1 when these bytes have not been seen: then
   * decode the labels, {@link intern} them, and {@link rememberWire} the bytes.
   */
  findWire(bytes: Uint8Array, start: number, end: number): number {
    hash128(bytes, start, end, this.#hash);
    return this.#wire.get(this.#hash);
  }

  rememberWire(bytes: Uint8Array, start: number, end: number, id: number): void {
    hash128(bytes, start, end, this.#hash);
    this.#wire.set(this.#hash, id);
  }

  /** @throws RangeError for an id this registry never gave. */
  labels(id: number): Labels {
    const labels = this.#labels[id];
    if (labels === undefined) throw new RangeError(`series id ${id} is not among the ${this.size} known`);
    return labels;
  }

  kind(id: number): SeriesKind {
    return kinds[this.#kinds[id] ?? 0] ?? 'unknown';
  }

  setKind(id: number, kind: SeriesKind): void {
    this.#kinds[id] = kinds.indexOf(kind);
  }

  /** 0 to 255, by a pinned hash of the canonical label bytes: the same in every process and version. */
  slot(id: number): number {
    return this.#slots[id] ?? 0;
  }

  #growLanes(): void {
    const grow = (lane: Uint8Array): Uint8Array<ArrayBuffer> => {
      const larger = new Uint8Array(lane.length * 2);
      larger.set(lane);
      return larger;
    };
    this.#kinds = grow(this.#kinds);
    this.#slots = grow(this.#slots);
  }
}
