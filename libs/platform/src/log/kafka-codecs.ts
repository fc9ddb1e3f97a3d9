import kafkajs from 'kafkajs';
import snappy from 'snappy';

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);

/** Java clients frame snappy blocks in xerial's format; librdkafka sends bare blocks. */
async function inflate(buffer: Buffer): Promise<Buffer> {
  if (!buffer.subarray(0, 8).equals(xerialMagic)) return (await snappy.uncompress(buffer)) as Buffer;
  const blocks: Buffer[] = [];
  for (let at = 16; at < buffer.length;) {
    const size = buffer.readUInt32BE(at);
    at += 4;
    blocks.push((await snappy.uncompress(buffer.subarray(at, at + size))) as Buffer);
    at += size;
  }
  return Buffer.concat(blocks);
}

/** Adds snappy to kafkajs, which brings gzip alone. */
export function registerCodecs(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = () => ({
    compress: async (encoder: { buffer: Buffer }) => snappy.compress(encoder.buffer),
    decompress: inflate,
  });
}
