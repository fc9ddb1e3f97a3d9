import type { ByteReader, ByteWriter } from '@vigil/telemetry';

/** What an increment counts towards: the good (or bad) events, or all. */
export const roles = { part: 0, total: 1 } as const;
export type Role = (typeof roles)[keyof typeof roles];

/** Sums of a window: `part` counts the good or the bad events, as the SLI says. */
export interface PartCounts {
  readonly part: number;
  readonly total: number;
}

/** One ring: `buckets` of `bucketMs` up to the newest event. */
export interface Tier {
  readonly bucketMs: number;
  readonly buckets: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Evaluations may look from a little behind the newest event: the window's old end must still be there then. */
const slackMs = 15 * minuteMs;
const minuteSpanMs = 48 * hourMs;
const coarseMs = 15 * minuteMs;

/**
 * Rings for an SLO: its finest buckets for recent hours, minutes for two days, quarters of an hour for the rest of its
 * window. A month takes about 100 KB.
 */
export function tiersFor({
  windowMs,
  bucketMs,
  longestAlertMs,
}: {
  readonly windowMs: number;
  readonly bucketMs: number;
  readonly longestAlertMs: number;
}): Tier[] {
  const tier = (width: number, spanMs: number): Tier => ({ bucketMs: width, buckets: Math.ceil(spanMs / width) });
  const tiers = [
    tier(bucketMs, Math.min(longestAlertMs, 2 * hourMs) + slackMs),
    tier(minuteMs, Math.min(windowMs, minuteSpanMs) + slackMs),
  ];
  if (windowMs > minuteSpanMs) tiers.push(tier(coarseMs, windowMs + 4 * coarseMs));
  return tiers;
}

const formatVersion = 1;
const bucketsPerPage = 256;

interface Ring extends Tier {
  /** Part and total of each bucket side by side; bucket i stands at i modulo the number of buckets. */
  readonly counts: Float64Array;
  /** Newest bucket; -1 before the first event. */
  head: number;
  readonly dirty: Uint8Array;
}

/**
 * Event-time counts of one SLO in one shard. Bucket i of width w holds the increments of times in (i w, (i + 1) w], as a
 * range selector of PromQL 3 does: an increment told at t happened before t. Every increment goes into each tier that
 * still reaches back to it; corrections are negative increments. Times are ms since the epoch, above 0.
 */
export class SloCounts {
  readonly #rings: readonly Ring[];
  #newestMs = 0;
  #isHeaderDirty = true;

  /** @param tiers finest first, each width a multiple of the one before. */
  constructor(tiers: readonly Tier[]) {
    tiers.forEach(({ bucketMs }, i) => {
      const finer = tiers[i - 1]?.bucketMs ?? bucketMs;
      if (bucketMs % finer !== 0) throw new RangeError(`tier ${i}: ${bucketMs} ms is no multiple of ${finer} ms`);
    });
    this.#rings = tiers.map(({ bucketMs, buckets }) => ({
      bucketMs,
      buckets,
      counts: new Float64Array(buckets * 2),
      head: -1,
      dirty: new Uint8Array(Math.ceil(buckets / bucketsPerPage)),
    }));
  }

  get tiers(): readonly Tier[] {
    return this.#rings.map(({ bucketMs, buckets }) => ({ bucketMs, buckets }));
  }

  /** Newest event time seen, 0 before the first. */
  get newestMs(): number {
    return this.#newestMs;
  }

  add(role: Role, timeMs: number, delta: number): void {
    if (timeMs > this.#newestMs) {
      this.#newestMs = timeMs;
      this.#isHeaderDirty = true;
    }
    for (const ring of this.#rings) {
      const index = Math.ceil(timeMs / ring.bucketMs) - 1;
      if (index > ring.head) advance(ring, index);
      else if (index <= ring.head - ring.buckets) continue;
      const at = index % ring.buckets;
      ring.counts[at * 2 + role]! += delta;
      ring.dirty[Math.floor(at / bucketsPerPage)] = 1;
    }
  }

  /**
   * Counts of the events in (fromMs, toMs]. Each stretch comes from the finest tier that reaches back to it; an edge
   * within a bucket takes the whole bucket.
   */
  sum(fromMs: number, toMs: number): PartCounts {
    const counts = { part: 0, total: 0 };
    let untilMs = toMs;
    this.#rings.forEach((ring, i) => {
      const coarser = this.#rings[i + 1];
      const oldestMs = Math.max(0, ring.head - ring.buckets + 1) * ring.bucketMs;
      // Where a coarser tier takes over, it does so at an edge of its own buckets.
      const reachMs = coarser === undefined ? oldestMs : Math.ceil(oldestMs / coarser.bucketMs) * coarser.bucketMs;
      const sinceMs = Math.max(fromMs, reachMs);
      if (sinceMs >= untilMs) return;
      this.#stretch(i, sinceMs, untilMs, counts);
      untilMs = sinceMs;
    });
    return counts;
  }

  /**
   * Adds a stretch that tier `i` reaches. Every increment is in the coarser tiers too, so their whole buckets stand for
   * what lies between: three days are 288 quarters of an hour, not 17,280 buckets of 15 s.
   */
  #stretch(i: number, fromMs: number, toMs: number, counts: { part: number; total: number }): void {
    const coarser = this.#rings[i + 1];
    if (coarser !== undefined) {
      const firstMs = Math.ceil(fromMs / coarser.bucketMs) * coarser.bucketMs;
      const lastMs = Math.floor(toMs / coarser.bucketMs) * coarser.bucketMs;
      if (lastMs > firstMs) {
        addBuckets(this.#rings[i]!, fromMs, firstMs, counts);
        this.#stretch(i + 1, firstMs, lastMs, counts);
        addBuckets(this.#rings[i]!, lastMs, toMs, counts);
        return;
      }
    }
    addBuckets(this.#rings[i]!, fromMs, toMs, counts);
  }

  /**
   * Takes the counts of an SLO's earlier form, whose window was another. @returns false, and nothing is taken, when its
   * finest buckets have another width.
   */
  adopt(earlier: SloCounts): boolean {
    if (earlier.#rings[0]?.bucketMs !== this.#rings[0]?.bucketMs) return false;
    for (const ring of this.#rings) {
      // Widths come from one ladder: the coarsest that still fits reaches back furthest.
      const source = earlier.#rings.findLast(({ bucketMs }) => ring.bucketMs % bucketMs === 0)!;
      for (let index = Math.max(0, source.head - source.buckets + 1); index <= source.head; index++) {
        const own = Math.floor((index * source.bucketMs) / ring.bucketMs);
        if (own > ring.head) advance(ring, own);
        if (own <= ring.head - ring.buckets) continue;
        const [from, to] = [(index % source.buckets) * 2, (own % ring.buckets) * 2];
        ring.counts[to]! += source.counts[from]!;
        ring.counts[to + 1]! += source.counts[from + 1]!;
      }
    }
    this.#newestMs = earlier.#newestMs;
    this.markDirty();
    return true;
  }

  /** Keys of pages that changed since {@link markClean}, or of all: `` for the header, `<tier>/<page>` for buckets. */
  pageKeys(onlyDirty: boolean): string[] {
    const keys = this.#isHeaderDirty || !onlyDirty ? [''] : [];
    this.#rings.forEach(({ dirty }, tier) => {
      dirty.forEach((isDirty, page) => {
        if (isDirty !== 0 || !onlyDirty) keys.push(`${tier}/${page}`);
      });
    });
    return keys;
  }

  markClean(): void {
    this.#isHeaderDirty = false;
    for (const { dirty } of this.#rings) dirty.fill(0);
  }

  /** Marks one page, or all. */
  markDirty(key?: string): void {
    if (key === undefined || key === '') this.#isHeaderDirty = true;
    if (key === undefined) for (const { dirty } of this.#rings) dirty.fill(1);
    else if (key !== '') {
      const { ring, page } = this.#page(key);
      ring.dirty[page] = 1;
    }
  }

  /** Writes the page of the key. */
  write(key: string, out: ByteWriter): void {
    out.u8(formatVersion);
    if (key === '') this.#writeHeader(out);
    else {
      const { ring, start, end } = this.#page(key);
      for (let at = start; at < end; at++) {
        const [part, total] = [ring.counts[at * 2]!, ring.counts[at * 2 + 1]!];
        if (part === 0 && total === 0) continue;
        out.u8(at - start);
        out.f64(part);
        out.f64(total);
      }
    }
  }

  /** Counts with the tiers of a header page, their buckets still empty. @throws RangeError for another version. */
  static readHeader(from: ByteReader): SloCounts {
    checkVersion(from);
    const newestMs = from.f64();
    const tiers = Array.from({ length: from.u8() }, () => ({
      bucketMs: from.f64(),
      buckets: from.u32(),
      head: from.f64(),
    }));
    const counts = new SloCounts(tiers);
    counts.#newestMs = newestMs;
    tiers.forEach(({ head }, i) => (counts.#rings[i]!.head = head));
    counts.#isHeaderDirty = false;
    return counts;
  }

  /** Reads one page of buckets into counts that {@link readHeader} made. @throws RangeError for another version. */
  readPage(key: string, from: ByteReader): void {
    checkVersion(from);
    const { ring, start, end } = this.#page(key);
    while (!from.done) {
      const at = start + from.u8();
      if (at >= end) throw new RangeError(`counts page ${key}: bucket ${at - start} lies outside of the page`);
      ring.counts[at * 2] = from.f64();
      ring.counts[at * 2 + 1] = from.f64();
    }
  }

  #writeHeader(out: ByteWriter): void {
    out.f64(this.#newestMs);
    out.u8(this.#rings.length);
    for (const { bucketMs, buckets, head } of this.#rings) {
      out.f64(bucketMs);
      out.u32(buckets);
      out.f64(head);
    }
  }

  #page(key: string): { ring: Ring; page: number; start: number; end: number } {
    const [tier, page] = key.split('/').map(Number);
    const ring = this.#rings[tier ?? -1];
    if (ring === undefined || page === undefined || !(page >= 0 && page < ring.dirty.length)) {
      throw new RangeError(`counts page '${key}' is none of this SLO's`);
    }
    const start = page * bucketsPerPage;
    return { ring, page, start, end: Math.min(ring.buckets, start + bucketsPerPage) };
  }
}

function checkVersion(from: ByteReader): void {
  const version = from.u8();
  if (version !== formatVersion) {
    throw new RangeError(`counts page of version ${version}; this program reads version ${formatVersion}`);
  }
}

/** Adds the buckets that (fromMs, toMs] touches, as far as the ring holds them. */
function addBuckets(ring: Ring, fromMs: number, toMs: number, sums: { part: number; total: number }): void {
  if (fromMs >= toMs) return;
  const { bucketMs, buckets, counts, head } = ring;
  const last = Math.min(head, Math.ceil(toMs / bucketMs) - 1);
  let { part, total } = sums;
  for (let index = Math.floor(fromMs / bucketMs); index <= last; index++) {
    const at = (index % buckets) * 2;
    part += counts[at]!;
    total += counts[at + 1]!;
  }
  sums.part = part;
  sums.total = total;
}

/** Makes `index` the newest bucket, emptying those that it and the skipped ones take the place of. */
function advance(ring: Ring, index: number): void {
  const { buckets, counts, head, dirty } = ring;
  ring.head = index;
  const first = Math.max(head + 1, index - buckets + 1);
  if (head < 0) return;
  for (let empty = first; empty <= index; empty++) {
    const at = empty % buckets;
    counts[at * 2] = 0;
    counts[at * 2 + 1] = 0;
    dirty[Math.floor(at / bucketsPerPage)] = 1;
  }
}
