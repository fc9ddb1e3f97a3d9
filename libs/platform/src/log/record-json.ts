/**
 * What a record says, for consumers that keep it in the relational store; undefined when it is no JSON. U+0000, which a
 * label may hold and PostgreSQL may not, becomes U+FFFD: one odd label must not hold up all that follows it.
 */
export function recordJson(value: Uint8Array): unknown {
  try {
    const text = Buffer.from(value).toString('utf8');
    return JSON.parse(text.replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1\\ufffd'));
  } catch {
    return undefined;
  }
}
