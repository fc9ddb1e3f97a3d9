import { describe, expect, it } from '@jest/globals';
import { budgetSpent, burnRate, errorBudgetRemaining, errorRatio, projectExhaustion } from './burn.js';
import { bucketMsFor, burnWindowsFor, workbookWindows } from './burn-windows.js';

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

describe(burnRate.name, () => {
  it.each([
    { name: 'spending exactly the budget', good: 990, total: 1_000, target: 0.99, expected: 1 },
    { name: 'a full outage at three nines', good: 0, total: 10, target: 0.999, expected: 1_000 },
    { name: 'no errors', good: 10, total: 10, target: 0.999, expected: 0 },
    { name: 'an empty window', good: 0, total: 0, target: 0.999, expected: 0 },
    { name: 'no errors against a target of 1', good: 10, total: 10, target: 1, expected: 0 },
    { name: 'an error against a target of 1', good: 9, total: 10, target: 1, expected: Infinity },
    { name: 'more good than total', good: 12, total: 10, target: 0.9, expected: 0 },
    { name: 'good taken back below 0', good: -1, total: 10, target: 0.9, expected: 10 },
  ])('of $name is $expected', ({ good, total, target, expected }) => {
    expect(burnRate({ good, total }, target)).toBeCloseTo(expected, 9);
  });
});

describe(errorBudgetRemaining.name, () => {
  it.each([
    { name: 'untouched without errors', good: 1_000, expected: 1 },
    { name: 'half with half of the allowed errors', good: 995, expected: 0.5 },
    { name: 'overspent beyond the target', good: 980, expected: -1 },
  ])('is $name', ({ good, expected }) => {
    expect(errorBudgetRemaining({ good, total: 1_000 }, 0.99)).toBeCloseTo(expected, 9);
  });

  it('is whole for a window without events', () => {
    expect(errorBudgetRemaining({ good: 0, total: 0 }, 0.999)).toBe(1);
    expect(errorRatio({ good: 0, total: 0 })).toBe(0);
  });
});

describe('the workbook table', () => {
  // Site Reliability Workbook, table 5-8: budget consumed by each pair over 30 days.
  it.each([
    { pair: '1h/5m', spent: 0.02 },
    { pair: '6h/30m', spent: 0.05 },
    { pair: '1d/2h', spent: 0.1 },
    { pair: '3d/6h', spent: 0.1 },
  ])('fires $pair at $spent of the budget', ({ pair, spent }) => {
    const { factor, longMs } = workbookWindows.find(({ name }) => name === pair)!;
    expect(budgetSpent({ burnRate: factor, durationMs: longMs, windowMs: 30 * dayMs })).toBeCloseTo(spent, 9);
  });

  it('is itself for 30 days', () => {
    expect(burnWindowsFor(30 * dayMs)).toEqual(workbookWindows);
  });

  it('shrinks with the window, in whole buckets', () => {
    expect(bucketMsFor(6 * hourMs)).toBe(secondMs);
    expect(burnWindowsFor(6 * hourMs).map(({ longMs, shortMs }) => [longMs, shortMs])).toEqual([
      [30 * secondMs, 3 * secondMs],
      [3 * minuteMs, 15 * secondMs],
      [12 * minuteMs, minuteMs],
      [36 * minuteMs, 3 * minuteMs],
    ]);
  });

  it.each([
    { name: '10 minutes', windowMs: 10 * minuteMs, bucketMs: secondMs },
    { name: '18 hours', windowMs: 18 * hourMs, bucketMs: 3 * secondMs },
    { name: '1 day', windowMs: dayMs, bucketMs: 15 * secondMs },
    { name: '7 days', windowMs: 7 * dayMs, bucketMs: 15 * secondMs },
    { name: '90 days', windowMs: 90 * dayMs, bucketMs: 15 * secondMs },
  ])('counts $name in buckets of $bucketMs ms, and no pair is shorter', ({ windowMs, bucketMs }) => {
    expect(bucketMsFor(windowMs)).toBe(bucketMs);
    for (const { longMs, shortMs } of burnWindowsFor(windowMs)) {
      expect(shortMs).toBeGreaterThanOrEqual(bucketMs);
      expect(longMs).toBeGreaterThanOrEqual(shortMs);
      expect([longMs % bucketMs, shortMs % bucketMs]).toEqual([0, 0]);
    }
  });
});

describe(projectExhaustion.name, () => {
  it.each([
    { name: 'a month away at a burn of 1', remaining: 1, burn: 1, expected: 30 * dayMs },
    { name: '50 hours away at 14.4', remaining: 1, burn: 14.4, expected: 50 * hourMs },
    { name: 'half as far with half of the budget', remaining: 0.5, burn: 14.4, expected: 25 * hourMs },
    { name: 'now when it is spent', remaining: -0.1, burn: 0, expected: 0 },
    { name: 'never without burn', remaining: 0.3, burn: 0, expected: undefined },
  ])('is $name', ({ remaining, burn, expected }) => {
    const at = projectExhaustion({ atMs: 0, remaining, burnRate: burn, windowMs: 30 * dayMs });
    if (expected === undefined) expect(at).toBeUndefined();
    else expect(at).toBeCloseTo(expected, 3);
  });
});
