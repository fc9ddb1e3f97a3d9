/** Writes numbers and text into bytes that grow; the layout of state pages. Little-endian. */
export class ByteWriter {
  #bytes = new Uint8Array(1_024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  u8(value: number): void {
    this.#reserve(1);
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** All numbers of the lane; its length is known to the reader. */
  lane(values: Float64Array | Float32Array): void {
    const width = values.BYTES_PER_ELEMENT;
    this.#reserve(values.length * width);
    for (let i = 0; i < values.length; i++, this.#at += width) {
      if (width === 8) this.#view.setFloat64(this.#at, values[i]!, true);
      else this.#view.setFloat32(this.#at, values[i]!, true);
    }
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u32(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads what {@link ByteWriter} wrote. @throws RangeError past the end. */
export class ByteReader {
  readonly #view: DataView;
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.bytes.length;
  }

  u8(): number {
    return this.#view.getUint8(this.#at++);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  f64(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  lane(into: Float64Array | Float32Array): void {
    const width = into.BYTES_PER_ELEMENT;
    for (let i = 0; i < into.length; i++, this.#at += width)
      into[i] = width === 8 ? this.#view.getFloat64(this.#at, true) : this.#view.getFloat32(this.#at, true);
  }

  text(): string {
    const length = this.u32();
    this.#at += length;
    if (this.#at > this.bytes.length) throw new RangeError(`text of ${length} bytes ends past the page`);
    return new TextDecoder().decode(this.bytes.subarray(this.#at - length, this.#at));
  }
}
