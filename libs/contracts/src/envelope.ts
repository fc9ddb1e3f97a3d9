/**
 * How a payload lies in the log, before its bytes: version (u8), format (u8), encoding (u16 LE), receivedAt (f64 LE, ms).
 * The body follows as it came: it is decoded again on a replay.
 */
export const payloadFormats = ['remote-write', 'otlp-protobuf', 'otlp-json'] as const;
export type PayloadFormat = (typeof payloadFormats)[number];

/** How the body's bytes are packed; what a sender has packed already is kept so. */
export const bodyEncodings = ['identity', 'snappy'] as const;
export type BodyEncoding = (typeof bodyEncodings)[number];

export interface Envelope {
  readonly format: PayloadFormat;
  readonly receivedAtMs: number;
  readonly encoding: BodyEncoding;
  readonly body: Uint8Array;
}

const version = 1;
export const envelopeBytes = 12;

export class EnvelopeError extends Error {
  readonly code = 'bad-envelope';
  constructor(message: string) {
    super(message);
    this.name = EnvelopeError.name;
  }
}

export function sealEnvelope({ format, encoding, receivedAtMs, body }: Envelope): Buffer {
  const sealed = Buffer.allocUnsafe(envelopeBytes + body.length);
  sealed[0] = version;
  sealed[1] = payloadFormats.indexOf(format);
  sealed.writeUInt16LE(bodyEncodings.indexOf(encoding), 2);
  sealed.writeDoubleLE(receivedAtMs, 4);
  sealed.set(body, envelopeBytes);
  return sealed;
}

/** @throws EnvelopeError for a version, format or encoding this program does not know. */
export function openEnvelope(sealed: Uint8Array): Envelope {
  if (sealed.length < envelopeBytes)
    throw new EnvelopeError(`an envelope has ${envelopeBytes} bytes or more, got ${sealed.length}`);
  if (sealed[0] !== version) throw new EnvelopeError(`envelope version ${sealed[0]} is not ${version}`);
  const format = payloadFormats[sealed[1] ?? -1];
  if (format === undefined)
    throw new EnvelopeError(`payload format ${sealed[1]} is none of ${payloadFormats.join(', ')}`);
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const encoding = bodyEncodings[view.getUint16(2, true)];
  if (encoding === undefined)
    throw new EnvelopeError(`body encoding ${view.getUint16(2, true)} is none of ${bodyEncodings.join(', ')}`);
  return { format, encoding, receivedAtMs: view.getFloat64(4, true), body: sealed.subarray(envelopeBytes) };
}
