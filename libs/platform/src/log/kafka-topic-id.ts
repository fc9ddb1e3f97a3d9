import { connect } from 'node:net';

const metadataKey = 3;
/** The oldest version that tells topic ids (Kafka 2.8). */
const metadataVersion = 10;
const uuidBytes = 16;

/**
 * The id that a cluster gave a topic when it was made. kafkajs knows Metadata up to version 6, which has none: this asks
 * for one topic and reads no further than its id.
 * @param broker `host:port`.
 * @throws Error when the broker does not answer within 5 s, or says that it does not know the topic.
 */
export function fetchTopicId(broker: string, topic: string): Promise<string> {
  const at = broker.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(broker.slice(at + 1)), broker.slice(0, at).replace(/^\[|\]$/g, ''));
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(5_000, () => fail(new Error(`${broker} did not tell the id of topic '${topic}' within 5 s`)));
    socket.once('error', fail);
    socket.once('close', () => fail(new Error(`${broker} hung up instead of telling the id of topic '${topic}'`)));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      try {
        resolve(readTopicId(received.subarray(4), topic));
        socket.destroy();
      } catch (error) {
        fail(error as Error);
      }
    });
    socket.write(metadataRequest(topic));
  });
}

/** A request of the flexible kind: header 2, lengths as varints plus one, a byte 0 where tagged fields would be. */
function metadataRequest(topic: string): Buffer {
  const client = Buffer.from('vigil');
  const name = Buffer.from(topic);
  const header = Buffer.alloc(10);
  header.writeInt16BE(metadataKey, 0);
  header.writeInt16BE(metadataVersion, 2);
  header.writeInt32BE(1, 4);
  header.writeInt16BE(client.length, 8);
  const oneTopic = [Buffer.from([2]), Buffer.alloc(uuidBytes), varint(name.length + 1), name, Buffer.from([0])];
  // No topic is made by asking, and nobody's rights are asked for.
  const flags = Buffer.from([0, 0, 0, 0]);
  const body = Buffer.concat([header, client, Buffer.from([0]), ...oneTopic, flags]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length, 0);
  return Buffer.concat([size, body]);
}

function readTopicId(answer: Buffer, topic: string): string {
  const cursor = new FlexibleCursor(answer);
  cursor.skip(4);
  cursor.tags();
  cursor.skip(4);
  const brokers = cursor.length();
  for (let i = 0; i < brokers; i++) {
    cursor.skip(4);
    cursor.text();
    cursor.skip(4);
    cursor.text();
    cursor.tags();
  }
  cursor.text();
  cursor.skip(4);
  if (cursor.length() !== 1) throw new Error(`the broker says nothing of topic '${topic}'`);
  const error = cursor.int16();
  if (error !== 0) throw new Error(`the broker does not know topic '${topic}' (Kafka error ${error})`);
  cursor.text();
  return cursor.bytes(uuidBytes).toString('base64url');
}

/** Reads Kafka's flexible encoding. */
class FlexibleCursor {
  #at = 0;
  constructor(private readonly buffer: Buffer) {}

  skip(bytes: number): void {
    this.#at += bytes;
  }
  bytes(count: number): Buffer {
    this.#at += count;
    return this.buffer.subarray(this.#at - count, this.#at);
  }
  int16(): number {
    this.#at += 2;
    return this.buffer.readInt16BE(this.#at - 2);
  }
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.buffer.readUInt8(this.#at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
  /** Items of an array or bytes of a text; an absent one has none. */
  length(): number {
    return Math.max(0, this.varint() - 1);
  }
  text(): void {
    this.skip(this.length());
  }
  tags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.skip(this.varint());
    }
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
