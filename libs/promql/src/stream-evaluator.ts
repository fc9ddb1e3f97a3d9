import {
  ByteReader,
  ByteWriter,
  compileMatchers,
  IncrementTracker,
  type Labels,
  nameLabel,
  type SampleBatch,
  type SeriesKind,
} from '@vigil/telemetry';
import type { AggregateOp, BinaryOp, Query } from './query.js';

/** What the evaluator needs of the registry of series. */
export interface SeriesNames {
  readonly size: number;
  labels(id: number): Labels;
  kind(id: number): SeriesKind;
  intern(labels: Labels, kind?: SeriesKind): number;
}

export interface StreamQuery {
  readonly name: string;
  readonly query: Query;
}

export interface StreamPoint {
  /** Index of the query it answers. */
  readonly query: number;
  readonly labels: Labels;
  /** The step's end, ms since the epoch. */
  readonly timeMs: number;
  readonly value: number;
}

export interface StreamOptions {
  readonly stepMs: number;
  /** How long after a step's end its late samples are waited for, in event time. One step where left out. */
  readonly settleMs?: number;
  /** A series that has not been heard of for so long has no value; 5 minutes where left out, as in Prometheus. */
  readonly staleMs?: number;
}

interface Leaf {
  readonly query: number;
  readonly matches: (labels: Labels) => boolean;
  /** Undefined: an instant selector. */
  readonly steps: number | undefined;
  readonly perSecond: boolean;
  readonly attached: Attached[];
}

interface Attached {
  readonly id: number;
  readonly leaf: Leaf;
  /** The series' labels without its name: what results carry. */
  readonly labels: Labels;
  /** Canonical text of the labels. */
  readonly key: string;
  lastMs: number;
  /** Instant: the newest value and the one before, for a step that closes after its successor began. */
  value: number;
  previousMs: number;
  previous: number;
  /** Range: increments of recent steps, a ring by step number. */
  readonly ring: Float64Array | undefined;
  readonly ringStep: Float64Array | undefined;
}

interface Known {
  readonly id: number;
  readonly all: Attached[];
  readonly slots: number[];
}

type LeafQuery = Extract<Query, { kind: 'selector' | 'range' }>;

type Vector = Map<string, { labels: Labels; value: number }>;

const version = 1;
const stepsAtOnce = 600;

/**
 * Evaluates queries at the edges of event-time steps while samples pass by: a step is closed once samples are seen that
 * are newer than its end by the settle time, and never opened again. Same samples, same points.
 */
export class StreamEvaluator {
  readonly #leaves: Leaf[] = [];
  readonly #plans: ((edgeMs: number) => Vector | number)[];
  readonly #settleMs: number;
  readonly #staleMs: number;
  readonly #tracker: IncrementTracker;
  /** Range leaves attached to a tracker slot. */
  readonly #tracked: Attached[] = [];
  /** By the series' id; undefined where no query asks for it. */
  readonly #bySeries: (Known | undefined)[] = [];
  #seen = 0;
  #edgeMs = 0;
  #newestMs = 0;

  constructor(
    private readonly queries: readonly StreamQuery[],
    private readonly names: SeriesNames,
    private readonly options: StreamOptions,
  ) {
    this.#settleMs = options.settleMs ?? options.stepMs;
    this.#staleMs = options.staleMs ?? 300_000;
    this.#tracker = new IncrementTracker(this.#settleMs + 2 * options.stepMs, (slot, timeMs, delta) =>
      this.#increment(slot, timeMs, delta),
    );
    this.#plans = queries.map(({ query }, index) => this.#plan(query, index));
  }

  /** Takes samples; those far newer than `receivedAtMs` (a sender's clock gone wrong) do not close steps. */
  observe(batch: SampleBatch, receivedAtMs: number): StreamPoint[] {
    this.#attachNew();
    const { ids, times, values } = batch;
    const wanted: number[] = [];
    let oldestMs = Infinity;
    let newestMs = -Infinity;
    for (let i = 0; i < batch.length; i++) {
      if (this.#bySeries[ids[i]!] === undefined || !Number.isFinite(values[i]!)) continue;
      wanted.push(i);
      oldestMs = Math.min(oldestMs, times[i]!);
      newestMs = Math.max(newestMs, times[i]!);
    }
    // A sender that catches up puts many steps into a body, series by series: each step is closed before the next begins.
    if (newestMs - oldestMs <= this.options.stepMs) {
      for (const i of wanted) this.#take(batch, i, receivedAtMs);
      return this.#close();
    }
    const points: StreamPoint[] = [];
    for (const i of wanted.sort((a, b) => times[a]! - times[b]! || a - b)) {
      // The sample itself belongs to a later step than any that it closes.
      this.#see(times[i]!, receivedAtMs);
      if (this.#lastEdgeMs() > this.#edgeMs) points.push(...this.#close());
      this.#take(batch, i, receivedAtMs);
    }
    points.push(...this.#close());
    return points;
  }

  #take({ ids, times, values, starts }: SampleBatch, i: number, receivedAtMs: number): void {
    const id = ids[i]!;
    const timeMs = times[i]!;
    const value = values[i]!;
    const known = this.#bySeries[id]!;
    for (const attached of known.all) this.#value(attached, timeMs, value);
    const delta = this.names.kind(id) === 'delta';
    for (const slot of known.slots) this.#tracker.add(slot, timeMs, value, starts?.[i] ?? 0, delta);
    this.#see(timeMs, receivedAtMs);
  }

  #see(timeMs: number, receivedAtMs: number): void {
    if (timeMs > this.#newestMs) this.#newestMs = Math.min(timeMs, receivedAtMs + 60_000);
  }

  /** The newest edge that can be closed. */
  #lastEdgeMs(): number {
    const { stepMs } = this.options;
    return Math.floor((this.#newestMs - this.#settleMs) / stepMs) * stepMs;
  }

  /** State as bytes: with the batches that follow, a restored evaluator says what this one would have said. */
  snapshot(): Uint8Array {
    const out = new ByteWriter();
    out.u8(version);
    out.f64(this.#edgeMs);
    out.f64(this.#newestMs);
    const series = this.#bySeries.filter((known) => known?.all.some(({ lastMs }) => lastMs > 0) === true) as Known[];
    out.u32(series.length);
    for (const { id, all, slots } of series) {
      out.text(JSON.stringify(this.names.labels(id)));
      out.text(this.names.kind(id));
      out.u32(all.length);
      for (const attached of all) {
        for (const value of [attached.lastMs, attached.value, attached.previousMs, attached.previous]) out.f64(value);
        out.u32(attached.ring?.length ?? 0);
        attached.ring?.forEach((value, i) => {
          out.f64(value);
          out.f64(attached.ringStep![i]!);
        });
      }
      for (const slot of slots) this.#tracker.write(slot, out);
    }
    return out.finish();
  }

  /** Takes a snapshot back; one of other queries is left aside, and the evaluator starts anew. */
  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes);
    if (from.u8() !== version) return;
    const [edgeMs, newestMs] = [from.f64(), from.f64()];
    const count = from.u32();
    for (let n = 0; n < count; n++) {
      const labels = JSON.parse(from.text()) as Labels;
      const id = this.names.intern(labels, from.text() as SeriesKind);
      this.#attachNew();
      const known = this.#bySeries[id];
      if (known === undefined || known.all.length !== from.u32()) return;
      for (const attached of known.all) {
        attached.lastMs = from.f64();
        attached.value = from.f64();
        attached.previousMs = from.f64();
        attached.previous = from.f64();
        const length = from.u32();
        if (length !== (attached.ring?.length ?? 0)) return;
        for (let i = 0; i < length; i++) {
          attached.ring![i] = from.f64();
          attached.ringStep![i] = from.f64();
        }
      }
      for (const slot of known.slots) this.#tracker.read(slot, from);
    }
    this.#edgeMs = edgeMs;
    this.#newestMs = newestMs;
  }

  #attachNew(): void {
    for (; this.#seen < this.names.size; this.#seen++) {
      const id = this.#seen;
      this.#bySeries.push(undefined);
      const labels = this.names.labels(id);
      for (const leaf of this.#leaves) {
        if (!leaf.matches(labels)) continue;
        const { [nameLabel]: _name, ...rest } = labels;
        const length = leaf.steps === undefined ? 0 : leaf.steps + Math.ceil(this.#settleMs / this.options.stepMs) + 3;
        const attached: Attached = {
          id,
          leaf,
          labels: rest,
          key: groupKey(rest),
          lastMs: 0,
          value: NaN,
          previousMs: 0,
          previous: NaN,
          ring: length === 0 ? undefined : new Float64Array(length),
          ringStep: length === 0 ? undefined : new Float64Array(length),
        };
        leaf.attached.push(attached);
        const known = (this.#bySeries[id] ??= { id, all: [], slots: [] });
        known.all.push(attached);
        if (length > 0) known.slots.push(this.#tracked.push(attached) - 1);
      }
    }
  }

  #value(attached: Attached, timeMs: number, value: number): void {
    if (timeMs <= attached.lastMs) return;
    // The value of a step is the newest at or before its end; one older is kept for the step that is still open.
    if (this.#stepOf(timeMs) !== this.#stepOf(attached.lastMs)) {
      attached.previousMs = attached.lastMs;
      attached.previous = attached.value;
    }
    attached.lastMs = timeMs;
    attached.value = value;
  }

  #stepOf(timeMs: number): number {
    return Math.ceil(timeMs / this.options.stepMs);
  }

  #increment(slot: number, timeMs: number, delta: number): void {
    const { ring, ringStep } = this.#tracked[slot]!;
    const step = this.#stepOf(timeMs);
    const at = step % ring!.length;
    if (ringStep![at] !== step) {
      if (ringStep![at]! > step) return;
      ring![at] = 0;
      ringStep![at] = step;
    }
    ring![at]! += delta;
  }

  #close(): StreamPoint[] {
    const { stepMs } = this.options;
    const last = this.#lastEdgeMs();
    if (last <= 0) return [];
    // The step in which the stream began is half a step: it is not judged.
    if (this.#edgeMs === 0) this.#edgeMs = last;
    if (last - this.#edgeMs > stepsAtOnce * stepMs) this.#edgeMs = last - stepsAtOnce * stepMs;
    const points: StreamPoint[] = [];
    while (this.#edgeMs < last) {
      this.#edgeMs += stepMs;
      this.#plans.forEach((plan, query) => {
        const result = plan(this.#edgeMs);
        if (typeof result === 'number') return;
        for (const { labels, value } of result.values())
          if (Number.isFinite(value)) points.push({ query, labels, timeMs: this.#edgeMs, value });
      });
    }
    return points;
  }

  #plan(query: Query, index: number): (edgeMs: number) => Vector | number {
    switch (query.kind) {
      case 'number':
        return () => query.value;
      case 'selector':
      case 'range':
        return this.#leaf(query, index);
      case 'aggregate': {
        if (query.of.kind === 'selector' || query.of.kind === 'range')
          return this.#aggregatedLeaf(query.of, index, query.op, query.by);
        const of = this.#plan(query.of, index);
        return (edgeMs) => aggregate(vectorOf(of(edgeMs)), query.op, query.by);
      }
      case 'quantile': {
        const of = this.#plan(query.of, index);
        return (edgeMs) => histogramQuantile(query.q, vectorOf(of(edgeMs)));
      }
      case 'or-zero': {
        const of = this.#plan(query.of, index);
        return (edgeMs) => {
          const vector = vectorOf(of(edgeMs));
          return vector.size > 0 ? vector : new Map([['', { labels: {}, value: 0 }]]);
        };
      }
      case 'binary': {
        const [left, right] = [this.#plan(query.left, index), this.#plan(query.right, index)];
        return (edgeMs) => combine(query.op, left(edgeMs), right(edgeMs));
      }
      default: {
        const unreachable: never = query;
        return unreachable;
      }
    }
  }

  #leaf(query: LeafQuery, index: number): (edgeMs: number) => Vector {
    const { leaf, valueAt } = this.#newLeaf(query, index);
    return (edgeMs) => {
      const vector: Vector = new Map();
      for (const attached of leaf.attached) {
        const value = valueAt(attached, edgeMs);
        if (!Number.isNaN(value)) vector.set(attached.key, { labels: attached.labels, value });
      }
      return vector;
    };
  }

  /** An aggregation right over series, as most queries have it: each series' group is found once, when it is first met. */
  #aggregatedLeaf(query: LeafQuery, index: number, op: AggregateOp, by: readonly string[]): (edgeMs: number) => Vector {
    const { leaf, valueAt } = this.#newLeaf(query, index);
    const groups = new Map<string, Group>();
    const groupOf: Group[] = [];
    return (edgeMs) => {
      for (const group of groups.values()) group.count = 0;
      leaf.attached.forEach((attached, i) => {
        const value = valueAt(attached, edgeMs);
        if (!Number.isNaN(value)) collect((groupOf[i] ??= groupFor(groups, attached.labels, by)), value);
      });
      const vector: Vector = new Map();
      for (const [key, group] of groups)
        if (group.count > 0) vector.set(key, { labels: group.labels, value: resultOf(group, op) });
      return vector;
    };
  }

  #newLeaf(query: LeafQuery, index: number): { leaf: Leaf; valueAt: (attached: Attached, edgeMs: number) => number } {
    const { stepMs } = this.options;
    const ranged = query.kind === 'range';
    const steps = ranged ? Math.max(1, Math.round((query.windowMs ?? stepMs) / stepMs)) : undefined;
    const leaf: Leaf = {
      query: index,
      matches: compileMatchers(query.matchers),
      steps,
      perSecond: ranged && query.fn === 'rate',
      attached: [],
    };
    this.#leaves.push(leaf);
    const valueAt = (attached: Attached, edgeMs: number): number =>
      steps === undefined ? this.#instant(attached, edgeMs) : this.#over(attached, edgeMs, steps);
    return { leaf, valueAt };
  }

  #instant(attached: Attached, edgeMs: number): number {
    const inTime = attached.lastMs <= edgeMs;
    const timeMs = inTime ? attached.lastMs : attached.previousMs;
    if (timeMs === 0 || timeMs <= edgeMs - this.#staleMs) return NaN;
    return inTime ? attached.value : attached.previous;
  }

  #over(attached: Attached, edgeMs: number, steps: number): number {
    const { stepMs } = this.options;
    // Silence is not zero: without a sample in the window there is no value.
    if (attached.lastMs === 0 || attached.lastMs <= edgeMs - Math.max(steps, 2) * stepMs) return NaN;
    const last = edgeMs / stepMs;
    const ring = attached.ring!;
    let sum = 0;
    for (let step = last - steps + 1; step <= last; step++)
      if (attached.ringStep![step % ring.length] === step) sum += ring[step % ring.length]!;
    return attached.leaf.perSecond ? sum / ((steps * stepMs) / 1_000) : sum;
  }
}

const vectorOf = (result: Vector | number): Vector =>
  typeof result === 'number' ? new Map([['', { labels: {}, value: result }]]) : result;

function groupKey(labels: Labels): string {
  let key = '';
  for (const name of Object.keys(labels).sort()) key += `${name}\u0000${labels[name]}\u0000`;
  return key;
}

interface Group {
  readonly labels: Labels;
  count: number;
  sum: number;
  min: number;
  max: number;
}

function groupFor(groups: Map<string, Group>, labels: Labels, by: readonly string[]): Group {
  const kept = Object.fromEntries(by.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])));
  const key = groupKey(kept);
  let group = groups.get(key);
  if (group === undefined) groups.set(key, (group = { labels: kept, count: 0, sum: 0, min: 0, max: 0 }));
  return group;
}

function collect(group: Group, value: number): void {
  const isFirst = group.count === 0;
  group.sum = isFirst ? value : group.sum + value;
  group.min = isFirst ? value : Math.min(group.min, value);
  group.max = isFirst ? value : Math.max(group.max, value);
  group.count++;
}

function resultOf({ count, sum, min, max }: Group, op: AggregateOp): number {
  switch (op) {
    case 'sum':
      return sum;
    case 'avg':
      return sum / count;
    case 'min':
      return min;
    case 'max':
      return max;
    case 'count':
      return count;
    default: {
      const unreachable: never = op;
      return unreachable;
    }
  }
}

function aggregate(vector: Vector, op: AggregateOp, by: readonly string[]): Vector {
  const groups = new Map<string, Group>();
  for (const { labels, value } of vector.values()) collect(groupFor(groups, labels, by), value);
  const result: Vector = new Map();
  for (const [key, group] of groups) result.set(key, { labels: group.labels, value: resultOf(group, op) });
  return result;
}

function apply(op: BinaryOp, left: number, right: number): number {
  switch (op) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    default: {
      const unreachable: never = op;
      return unreachable;
    }
  }
}

/** One-to-one matching on equal labels, as PromQL does without modifiers. */
function combine(op: BinaryOp, left: Vector | number, right: Vector | number): Vector | number {
  if (typeof left === 'number') {
    if (typeof right === 'number') return apply(op, left, right);
    return map(right, (value) => apply(op, left, value));
  }
  if (typeof right === 'number') return map(left, (value) => apply(op, value, right));
  const result: Vector = new Map();
  for (const [key, { labels, value }] of left) {
    const other = right.get(key);
    if (other !== undefined) result.set(key, { labels, value: apply(op, value, other.value) });
  }
  return result;
}

function map(vector: Vector, of: (value: number) => number): Vector {
  return new Map([...vector].map(([key, { labels, value }]) => [key, { labels, value: of(value) }]));
}

/**
 * `histogram_quantile` over classic buckets as Prometheus computes it (promql/quantile.go, BucketQuantile): linear within
 * a bucket, the lowest starts at 0 when its bound is positive, the highest finite bound stands for +Inf.
 */
export function bucketQuantile(q: number, buckets: readonly { le: number; count: number }[]): number {
  const sorted = [...buckets].sort((a, b) => a.le - b.le);
  const total = sorted.at(-1);
  if (sorted.length < 2 || total === undefined || total.le !== Infinity || total.count === 0) return NaN;
  // Scrapes of one histogram may be torn: cumulative counts never fall.
  let highest = 0;
  const counts = sorted.map(({ count }) => (highest = Math.max(highest, count)));
  const rank = q * highest;
  const at = counts.findIndex((count) => count >= rank);
  if (at === sorted.length - 1) return sorted.at(-2)!.le;
  const end = sorted[at]!.le;
  if (at === 0 && end <= 0) return end;
  const start = at === 0 ? 0 : sorted[at - 1]!.le;
  const below = at === 0 ? 0 : counts[at - 1]!;
  return start + (end - start) * ((rank - below) / (counts[at]! - below));
}

function histogramQuantile(q: number, vector: Vector): Vector {
  const groups = new Map<string, { labels: Labels; buckets: { le: number; count: number }[] }>();
  for (const { labels, value } of vector.values()) {
    const { le, ...rest } = labels;
    if (le === undefined) continue;
    const key = groupKey(rest);
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { labels: rest, buckets: [] }));
    group.buckets.push({ le: le === '+Inf' ? Infinity : Number(le), count: value });
  }
  return new Map([...groups].map(([key, { labels, buckets }]) => [key, { labels, value: bucketQuantile(q, buckets) }]));
}
