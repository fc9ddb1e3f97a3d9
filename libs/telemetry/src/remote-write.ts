import { BatchBuilder } from './batch-builder.js';
import { DecodeError } from './decode-error.js';
import { nameLabel, sortedNames } from './labels.js';
import type { Labels, SampleBatch, SeriesKind } from './model.js';
import type { SeriesRegistry } from './series-registry.js';
import { WireCursor, wireBytes, wireFixed64, wireVarint } from './wire.js';

/**
 * Prometheus remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec): WriteRequest { timeseries = 1 },
 * TimeSeries { labels = 1, samples = 2, exemplars = 3, histograms = 4 }, Label { name = 1, value = 2 },
 * Sample { value = 1, timestamp = 2 }. On Vigil's own log two fields are added, which others skip: Sample.start = 3
 * (ms, as in remote write 2.0) and TimeSeries.kind = 100.
 */
const kindField = 100;
const wireKinds: readonly SeriesKind[] = ['unknown', 'gauge', 'counter', 'delta'];

const builder = new BatchBuilder();

export interface RemoteWriteStats {
  /** Native histograms that were passed over. */
  skippedHistograms: number;
}

/**
 * Decodes an uncompressed WriteRequest.
 * @param stats counts what was passed over, where given.
 * @throws DecodeError with the byte at fault; then nothing of the body may be used.
 */
export function decodeRemoteWrite(body: Uint8Array, registry: SeriesRegistry, stats?: RemoteWriteStats): SampleBatch {
  builder.reset();
  const cursor = new WireCursor(body);
  while (cursor.tag()) {
    if (cursor.field === 1) {
      cursor.expect(wireBytes, 'WriteRequest.timeseries');
      const outer = cursor.end;
      cursor.end = cursor.span();
      readSeries(cursor, registry, stats);
      cursor.end = outer;
    } else cursor.skip();
  }
  return builder.build();
}

function readSeries(cursor: WireCursor, registry: SeriesRegistry, stats: RemoteWriteStats | undefined): void {
  const seriesStart = cursor.at;
  const firstSample = builder.length;
  let labelsStart = -1;
  let labelsEnd = -1;
  let contiguous = true;
  let kind = 0;
  for (let before = cursor.at; cursor.tag(); before = cursor.at) {
    switch (cursor.field) {
      case 1:
        cursor.expect(wireBytes, 'TimeSeries.labels');
        if (labelsStart < 0) labelsStart = before;
        else if (before !== labelsEnd) contiguous = false;
        cursor.at = cursor.span();
        labelsEnd = cursor.at;
        break;
      case 2:
        cursor.expect(wireBytes, 'TimeSeries.samples');
        readSample(cursor);
        break;
      case 4:
        if (stats !== undefined) stats.skippedHistograms++;
        cursor.skip();
        break;
      case kindField:
        cursor.expect(wireVarint, 'TimeSeries.kind');
        kind = cursor.varint();
        break;
      default:
        cursor.skip();
    }
  }
  if (labelsStart < 0) throw new DecodeError('a series without labels', seriesStart);
  let id = contiguous ? registry.findWire(cursor.bytes, labelsStart, labelsEnd) : -1;
  if (id < 0) {
    id = registry.intern(readLabels(cursor.bytes, seriesStart, cursor.end));
    if (contiguous) registry.rememberWire(cursor.bytes, labelsStart, labelsEnd, id);
  }
  if (kind > 0 && kind < wireKinds.length) registry.setKind(id, wireKinds[kind]!);
  builder.assign(firstSample, id);
}

function readSample(cursor: WireCursor): void {
  const outer = cursor.end;
  cursor.end = cursor.span();
  let value = 0;
  let timeMs = 0;
  let startMs = 0;
  while (cursor.tag()) {
    switch (cursor.field) {
      case 1:
        cursor.expect(wireFixed64, 'Sample.value');
        value = cursor.double();
        break;
      case 2:
        cursor.expect(wireVarint, 'Sample.timestamp');
        timeMs = cursor.int64();
        break;
      case 3:
        cursor.expect(wireVarint, 'Sample.start');
        startMs = cursor.int64();
        break;
      default:
        cursor.skip();
    }
  }
  cursor.end = outer;
  builder.add(0, timeMs, value, startMs);
}

/** Labels of the TimeSeries in `bytes[start, end)`, wherever among its fields they stand. */
function readLabels(bytes: Uint8Array, start: number, end: number): Labels {
  const labels: Record<string, string> = {};
  const cursor = new WireCursor(bytes, start, end);
  while (cursor.tag()) {
    if (cursor.field !== 1) {
      cursor.skip();
      continue;
    }
    const at = cursor.at;
    const outer = cursor.end;
    cursor.end = cursor.span();
    let name = '';
    let value = '';
    while (cursor.tag()) {
      if (cursor.field === 1 || cursor.field === 2) {
        cursor.expect(wireBytes, cursor.field === 1 ? 'Label.name' : 'Label.value');
        const text = cursor.text();
        if (cursor.field === 1) name = text;
        else value = text;
      } else cursor.skip();
    }
    cursor.end = outer;
    if (name === '') throw new DecodeError('a label without a name', at);
    if (Object.hasOwn(labels, name)) throw new DecodeError(`label '${name}' stands twice in one series`, at);
    // `__proto__` is a legal label name; plain assignment would change the object's prototype instead.
    if (value !== '')
      Object.defineProperty(labels, name, { value, enumerable: true, configurable: true, writable: true });
  }
  if ((labels[nameLabel] ?? '') === '') throw new DecodeError(`a series without ${nameLabel}`, start);
  return labels;
}

/**
 * Spreads a valid WriteRequest over partitions: each series' bytes are copied as they are to the partition of its
 * slot. An entry is undefined where no series belongs.
 */
export function splitRemoteWrite(
  body: Uint8Array,
  registry: SeriesRegistry,
  partitionOf: (slot: number) => number,
  partitions: number,
): (Uint8Array | undefined)[] {
  const ranges: number[][] = Array.from({ length: partitions }, () => []);
  const sizes = new Array<number>(partitions).fill(0);
  const cursor = new WireCursor(body);
  for (let before = 0; cursor.tag(); before = cursor.at) {
    if (cursor.field !== 1) {
      cursor.skip();
      continue;
    }
    const end = cursor.span();
    const id = seriesId(cursor, end, registry);
    cursor.at = end;
    const partition = partitionOf(registry.slot(id));
    ranges[partition]!.push(before, end);
    sizes[partition]! += end - before;
  }
  return ranges.map((list, partition) => {
    if (list.length === 0) return undefined;
    const part = new Uint8Array(sizes[partition]!);
    let at = 0;
    for (let i = 0; i < list.length; i += 2) {
      part.set(body.subarray(list[i], list[i + 1]), at);
      at += list[i + 1]! - list[i]!;
    }
    return part;
  });
}

function seriesId(cursor: WireCursor, end: number, registry: SeriesRegistry): number {
  const start = cursor.at;
  const inner = new WireCursor(cursor.bytes, start, end);
  let labelsStart = -1;
  let labelsEnd = -1;
  for (let before = inner.at; inner.tag(); before = inner.at) {
    if (inner.field === 1) {
      if (labelsStart < 0) labelsStart = before;
      else if (before !== labelsEnd) return registry.intern(readLabels(cursor.bytes, start, end));
      inner.at = inner.span();
      labelsEnd = inner.at;
    } else inner.skip();
  }
  const known = registry.findWire(cursor.bytes, labelsStart, labelsEnd);
  return known >= 0 ? known : registry.intern(readLabels(cursor.bytes, start, end));
}

export interface WriteSample {
  readonly timestampMs: number;
  readonly value: number;
  /** When the counter started; left out where unknown. */
  readonly startMs?: number;
}

export interface WriteSeries {
  readonly labels: Labels;
  readonly samples: readonly WriteSample[];
  readonly kind?: SeriesKind;
}

/** An uncompressed WriteRequest with labels in order; `kind` and `startMs` travel in Vigil's own fields. */
export function encodeRemoteWrite(series: readonly WriteSeries[]): Uint8Array {
  const writer = new WireWriter();
  for (const { labels, samples, kind } of series) {
    writer.message(1, () => {
      for (const name of sortedNames(labels)) {
        writer.message(1, () => {
          writer.text(1, name);
          writer.text(2, labels[name]!);
        });
      }
      for (const { timestampMs, value, startMs } of samples) {
        writer.message(2, () => {
          writer.double(1, value);
          writer.int64(2, timestampMs);
          if (startMs !== undefined) writer.int64(3, startMs);
        });
      }
      const number = wireKinds.indexOf(kind ?? 'unknown');
      if (number > 0) writer.int64(kindField, number);
    });
  }
  return writer.finish();
}

/** Writes protobuf into a buffer that grows; lengths are filled in afterwards. */
class WireWriter {
  #buffer = Buffer.allocUnsafe(4_096);
  #at = 0;

  message(field: number, content: () => void): void {
    this.#varint(field * 8 + wireBytes);
    const start = this.#at;
    content();
    const length = this.#at - start;
    const header = varintBytes(length);
    this.#reserve(header);
    this.#buffer.copyWithin(start + header, start, this.#at);
    this.#at = start;
    this.#varint(length);
    this.#at += length;
  }

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#varint(field * 8 + wireBytes);
    this.#varint(length);
    this.#reserve(length);
    this.#at += this.#buffer.write(value, this.#at, 'utf8');
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + wireFixed64);
    this.#reserve(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  int64(field: number, value: number): void {
    this.#varint(field * 8 + wireVarint);
    if (value >= 0) this.#varint(value);
    else {
      let rest = BigInt.asUintN(64, BigInt(value));
      this.#reserve(10);
      for (; rest > 127n; rest >>= 7n) this.#buffer[this.#at++] = Number(rest & 127n) | 128;
      this.#buffer[this.#at++] = Number(rest);
    }
  }

  finish(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, 0, this.#at);
  }

  #varint(value: number): void {
    this.#reserve(10);
    while (value > 127) {
      this.#buffer[this.#at++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    this.#buffer[this.#at++] = value;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (; value > 127; value = Math.floor(value / 128)) bytes++;
  return bytes;
}

/**
 * The size that a snappy block says it has when inflated (its varint preamble), so that a bomb is refused unopened.
 * @throws DecodeError when there is no such preamble.
 */
export function snappyUncompressedLength(block: Uint8Array): number {
  return new WireCursor(block, 0, Math.min(block.length, 5)).varint();
}
