import type { Labels } from './model.js';

export const nameLabel = '__name__';

const encoder = new TextEncoder();

/** Names in the order of their UTF-16 code units, which for the usual names is the order of their bytes. */
export function sortedNames(labels: Labels): string[] {
  return Object.keys(labels).sort();
}

/**
 * Canonical bytes of a label set: for each label in the order of its name: name, 0x00, value, 0x00, in UTF-8. Slots
 * hang on it, so it never changes.
 */
export function canonicalBytes(labels: Labels): Uint8Array {
  let text = '';
  for (const name of sortedNames(labels)) text += `${name}\u0000${labels[name]}\u0000`;
  return encoder.encode(text);
}

/** A series in Prometheus' notation: `name{a="b",c="d"}`. */
export function labelsToString(labels: Labels): string {
  const pairs = sortedNames(labels)
    .filter((name) => name !== nameLabel)
    .map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `${labels[nameLabel] ?? ''}${pairs.length > 0 || labels[nameLabel] === undefined ? `{${pairs.join(',')}}` : ''}`;
}

const fnvOffset = 0xcbf29ce484222325n;
const fnvPrime = 0x100000001b3n;
const mask64 = 0xffffffffffffffffn;

/**
 * Fingerprint of a label set as Prometheus and Alertmanager compute it (`model.LabelSet.Fingerprint`): FNV-1a, 64 bits,
 * over name, 0xFF, value, 0xFF of the labels in order; 16 hex digits.
 */
export function fingerprint(labels: Labels): string {
  let hash = fnvOffset;
  const add = (byte: number): void => {
    hash = ((hash ^ BigInt(byte)) * fnvPrime) & mask64;
  };
  for (const name of sortedNames(labels)) {
    for (const byte of encoder.encode(name)) add(byte);
    add(0xff);
    for (const byte of encoder.encode(labels[name])) add(byte);
    add(0xff);
  }
  return hash.toString(16).padStart(16, '0');
}
