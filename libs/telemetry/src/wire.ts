import { DecodeError } from './decode-error.js';

export const wireVarint = 0;
export const wireFixed64 = 1;
export const wireBytes = 2;
export const wireFixed32 = 5;

const two32 = 4_294_967_296;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A cursor over protobuf bytes (protobuf.dev/programming-guides/encoding) for decoders that care about speed: numbers
 * only, no objects per field, every step checked against the end.
 */
export class WireCursor {
  /** Of the field that {@link tag} has read. */
  field = 0;
  type = 0;
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    public end = bytes.length,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads the next field's number and type; false at the end of the message. */
  tag(): boolean {
    if (this.at >= this.end) return false;
    const start = this.at;
    const key = this.varint();
    this.field = Math.floor(key / 8);
    this.type = key & 7;
    if (this.field === 0 || key >= two32) throw new DecodeError('a field number of 0 or beyond 2^29', start);
    return true;
  }

  /** An unsigned varint; exact to 2^53, rounded beyond. */
  varint(): number {
    const { bytes, end } = this;
    const start = this.at;
    let low = 0;
    let shift = 0;
    let at = start;
    for (; shift < 28; shift += 7) {
      if (at >= end) throw new DecodeError('the payload ends within a varint', start);
      const byte = bytes[at++]!;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return low >>> 0;
      }
    }
    let value = low;
    let factor = 268_435_456;
    for (; shift < 70; shift += 7) {
      if (at >= end) throw new DecodeError('the payload ends within a varint', start);
      const byte = bytes[at++]!;
      if (shift === 63 && byte > 1) throw new DecodeError('a varint beyond 64 bits', start);
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
    }
    throw new DecodeError('a varint of more than 10 bytes', start);
  }

  /** A signed int64 varint as a number; exact to 2^53. */
  int64(): number {
    const start = this.at;
    const { bytes, end } = this;
    // Negative numbers are ten bytes long, the last one 1; the common case is shorter.
    const value = this.varint();
    if (this.at - start < 10) return value;
    let high = 0;
    let low = 0;
    for (let i = 0, at = start; i < 10 && at < end; i++, at++) {
      const part = bytes[at]! & 0x7f;
      const shift = i * 7;
      if (shift < 28) low += part * 2 ** shift;
      else if (shift === 28) {
        low += (part & 0x0f) * 2 ** 28;
        high += part >>> 4;
      } else high += part * 2 ** (shift - 32);
    }
    high %= two32;
    return high >= 2_147_483_648 ? (high - two32) * two32 + low : high * two32 + low;
  }

  double(): number {
    if (this.at + 8 > this.end) throw new DecodeError('the payload ends within a double', this.at);
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  /** A fixed64 as a number; exact to 2^53, rounded beyond. */
  fixed64(): number {
    if (this.at + 8 > this.end) throw new DecodeError('the payload ends within a fixed64', this.at);
    const value = this.view.getUint32(this.at, true) + this.view.getUint32(this.at + 4, true) * two32;
    this.at += 8;
    return value;
  }

  /** A signed fixed64 (sfixed64) as a number. */
  sfixed64(): number {
    if (this.at + 8 > this.end) throw new DecodeError('the payload ends within an sfixed64', this.at);
    const value = this.view.getUint32(this.at, true) + this.view.getInt32(this.at + 4, true) * two32;
    this.at += 8;
    return value;
  }

  /** Reads a length and answers where the content ends; the cursor stands at its start. */
  span(): number {
    const start = this.at;
    const length = this.varint();
    const end = this.at + length;
    if (end > this.end) throw new DecodeError(`a field of ${length} bytes is longer than the payload`, start);
    return end;
  }

  /** @throws DecodeError when the bytes are no UTF-8. */
  text(): string {
    const end = this.span();
    const start = this.at;
    this.at = end;
    return utf8(this.bytes, start, end);
  }

  /** @throws DecodeError when the field has another type on the wire. */
  expect(type: number, what: string): void {
    if (this.type !== type) throw new DecodeError(`${what} has wire type ${this.type} instead of ${type}`, this.at);
  }

  skip(): void {
    const start = this.at;
    switch (this.type) {
      case wireVarint:
        this.varint();
        return;
      case wireFixed64:
        this.at += 8;
        break;
      case wireBytes:
        this.at = this.span();
        return;
      case wireFixed32:
        this.at += 4;
        break;
      default:
        throw new DecodeError(`wire type ${this.type} does not exist`, start);
    }
    if (this.at > this.end) throw new DecodeError('the payload ends within a field', start);
  }
}

/** Strict UTF-8 of a byte range; short ASCII, the usual case, takes no decoder. */
export function utf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 64) {
    let text = '';
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (at === end) return text;
  }
  try {
    return strictUtf8.decode(bytes.subarray(start, end));
  } catch {
    throw new DecodeError('text that is no UTF-8', start);
  }
}
