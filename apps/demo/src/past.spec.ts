import { describe, expect, it } from '@jest/globals';
import { quietPast } from './past.js';
import { shareWithin } from './shop.js';

describe(quietPast.name, () => {
  const series = quietPast(0, 6 * 3_600_000);
  const last = (name: string, labels: Record<string, string>): number =>
    series
      .filter((each) => each.labels['__name__'] === `http_server_request_duration_seconds_${name}`)
      .filter((each) => Object.entries(labels).every(([label, value]) => each.labels[label] === value))
      .reduce((sum, { samples }) => sum + samples.at(-1)!.value, 0);

  it('counts sixty requests a second, of which one in five hundred failed', () => {
    expect(last('count', {})).toBeCloseTo(60 * 6 * 3_600, -2);
    expect(last('count', { http_response_status_code: '500' })).toBe(2592);
  });

  it('holds counters that never fall, and buckets that never hold more than all', () => {
    for (const { samples } of series)
      samples.forEach(({ value }, i) => expect(value).toBeGreaterThanOrEqual(samples[i - 1]?.value ?? 0));
    expect(last('bucket', { le: '0.3' })).toBeLessThanOrEqual(last('count', {}));
    expect(last('bucket', { le: '0.3' })).toBeGreaterThan(last('count', {}) - 5);
  });
});

describe(shareWithin.name, () => {
  it('is a half at the usual time, and all at ten times it', () => {
    expect(shareWithin(0.025)).toBeCloseTo(0.5, 6);
    expect(shareWithin(0.25)).toBeCloseTo(1, 6);
  });
});
