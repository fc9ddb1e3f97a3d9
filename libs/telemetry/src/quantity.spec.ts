import { describe, expect, it } from '@jest/globals';
import { quantity } from './quantity.js';

describe(quantity.name, () => {
  it.each([
    { value: 0.03812, unit: 's', words: '38.1 ms' },
    { value: 0, unit: 's', words: '0 ms' },
    { value: 2.5, unit: 's', words: '2.5 s' },
    { value: 98_100_000, unit: 'bytes', words: '93.6 MiB' },
    { value: 12, unit: 'bytes', words: '12 B' },
    { value: 61.04, unit: 'requests/s', words: '61 requests/s' },
    { value: 0.0714, unit: '', words: '0.0714' },
    { value: 2.5e-9, unit: '', words: '0' },
    { value: NaN, unit: 's', words: '–' },
  ])('says $value of $unit as $words', ({ value, unit, words }) => expect(quantity(value, unit)).toBe(words));
});
