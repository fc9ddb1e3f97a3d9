/**
 * 128-bit hash of a byte range: four 32-bit lanes, a word at a time. 128 bits make a collision between the label sets of
 * a fleet (birthday bound 1e-19 at ten million series) less likely than a memory error, so nobody verifies bytes.
 * Mixing as in MurmurHash3_x86_128 (Appleby, public domain).
 */
export interface Hash128 {
  a: number;
  b: number;
  c: number;
  d: number;
}

function fmix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const c1 = 0x239b961b;
const c2 = 0xab0e9789 | 0;
const c3 = 0x38b34ae5;
const c4 = 0xa1e38b93 | 0;

/** Writes the hash of `bytes[start, end)` into `out`; allocates nothing. */
export function hash128(bytes: Uint8Array, start: number, end: number, out: Hash128): void {
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  const length = end - start;
  let at = start;
  for (; at + 16 <= end; at += 16) {
    let k1 = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    let k2 = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
    let k3 = bytes[at + 8]! | (bytes[at + 9]! << 8) | (bytes[at + 10]! << 16) | (bytes[at + 11]! << 24);
    let k4 = bytes[at + 12]! | (bytes[at + 13]! << 8) | (bytes[at + 14]! << 16) | (bytes[at + 15]! << 24);
    k1 = Math.imul(k1, c1);
    k1 = Math.imul((k1 << 15) | (k1 >>> 17), c2);
    h1 ^= k1;
    h1 = (h1 << 19) | (h1 >>> 13);
    h1 = (Math.imul(h1 + h2, 5) + 0x561ccd1b) | 0;
    k2 = Math.imul(k2, c2);
    k2 = Math.imul((k2 << 16) | (k2 >>> 16), c3);
    h2 ^= k2;
    h2 = (h2 << 17) | (h2 >>> 15);
    h2 = (Math.imul(h2 + h3, 5) + 0x0bcaa747) | 0;
    k3 = Math.imul(k3, c3);
    k3 = Math.imul((k3 << 17) | (k3 >>> 15), c4);
    h3 ^= k3;
    h3 = (h3 << 15) | (h3 >>> 17);
    h3 = (Math.imul(h3 + h4, 5) + 0x96cd1c35) | 0;
    k4 = Math.imul(k4, c4);
    k4 = Math.imul((k4 << 18) | (k4 >>> 14), c1);
    h4 ^= k4;
    h4 = (h4 << 13) | (h4 >>> 19);
    h4 = (Math.imul(h4 + h1, 5) + 0x32ac3b17) | 0;
  }
  // The tail, byte by byte into the lane it falls into.
  let t1 = 0;
  let t2 = 0;
  let t3 = 0;
  let t4 = 0;
  for (let i = 0; at < end; at++, i++) {
    const shifted = bytes[at]! << ((i & 3) * 8);
    if (i < 4) t1 |= shifted;
    else if (i < 8) t2 |= shifted;
    else if (i < 12) t3 |= shifted;
    else t4 |= shifted;
  }
  t1 = Math.imul(t1, c1);
  h1 ^= Math.imul((t1 << 15) | (t1 >>> 17), c2);
  t2 = Math.imul(t2, c2);
  h2 ^= Math.imul((t2 << 16) | (t2 >>> 16), c3);
  t3 = Math.imul(t3, c3);
  h3 ^= Math.imul((t3 << 17) | (t3 >>> 15), c4);
  t4 = Math.imul(t4, c4);
  h4 ^= Math.imul((t4 << 18) | (t4 >>> 14), c1);

  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = fmix(h1);
  h2 = fmix(h2);
  h3 = fmix(h3);
  h4 = fmix(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  out.a = h1;
  out.b = (h2 + h1) | 0;
  out.c = (h3 + h1) | 0;
  out.d = (h4 + h1) | 0;
}
