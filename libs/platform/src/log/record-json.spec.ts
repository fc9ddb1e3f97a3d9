import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recordJson } from './record-json.js';

describe(recordJson.name, () => {
  it('reads any JSON as it is, but for NUL', () => {
    const text = fc.string({ unit: fc.constantFrom('\u0000', '\\', 'u', '0', '"', 'a', '\u2028') });
    fc.assert(
      fc.property(fc.dictionary(text, text), (value) => {
        const clean = (one: string): string => one.replaceAll('\u0000', '\ufffd');
        const expected = Object.fromEntries(Object.entries(value).map(([key, one]) => [clean(key), clean(one)]));
        expect(recordJson(Buffer.from(JSON.stringify(value)))).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('knows what is no JSON', () => {
    expect(recordJson(Buffer.from('{'))).toBeUndefined();
  });
});
