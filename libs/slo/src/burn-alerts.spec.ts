import { describe, expect, it } from '@jest/globals';
import { BurnAlerts } from './burn-alerts.js';
import { workbookWindows } from './burn-windows.js';
import type { SloEvaluation } from './evaluation.js';

const window = workbookWindows[0]!;
const nothing = { good: 0, total: 0 };

function evaluation(windowEndMs: number, longBurn: number, shortBurn: number): SloEvaluation {
  const isFiring = longBurn > window.factor && shortBurn > window.factor;
  return {
    slo: 'checkout',
    atMs: windowEndMs,
    windowEndMs,
    pairs: [{ window, longBurn, shortBurn, long: nothing, short: nothing, isFiring }],
    counts: nothing,
    errorRatio: 0,
    burnRate: 0,
    budgetRemaining: 1,
    exhaustionMs: undefined,
  };
}

function run(alerts: BurnAlerts, steps: readonly (readonly [number, number, number])[]): string[] {
  return steps.flatMap((step) => alerts.update(evaluation(...step)).map(({ status, id }) => `${status} ${id}`));
}

describe(BurnAlerts.name, () => {
  it('fires when both windows burn, and resolves when the short one stops, under one id', () => {
    const said = run(new BurnAlerts(), [
      [15, 20, 0],
      [30, 10, 20],
      [45, 15, 20],
      [60, 16, 30],
      [75, 10, 20],
      [90, 16, 3],
      [105, 16, 3],
    ]);
    expect(said).toEqual(['firing checkout:1h/5m:45', 'resolved checkout:1h/5m:45']);
  });

  it('says when an alert began and ended', () => {
    const alerts = new BurnAlerts();
    alerts.update(evaluation(45, 20, 20));
    expect(alerts.isFiring('checkout', '1h/5m')).toBe(true);
    expect(alerts.update(evaluation(90, 20, 0))[0]).toMatchObject({ startsAtMs: 45, endsAtMs: 90, status: 'resolved' });
    expect(alerts.isFiring('checkout', '1h/5m')).toBe(false);
  });

  it('gives the next alert another id', () => {
    expect(
      run(new BurnAlerts(), [
        [15, 20, 20],
        [30, 20, 0],
        [45, 20, 20],
      ]),
    ).toEqual(['firing checkout:1h/5m:15', 'resolved checkout:1h/5m:15', 'firing checkout:1h/5m:45']);
  });

  it('takes nothing back when an old edge is judged again', () => {
    const alerts = new BurnAlerts();
    alerts.update(evaluation(45, 20, 20));
    expect(
      run(alerts, [
        [45, 0, 0],
        [30, 0, 0],
      ]),
    ).toEqual([]);
    expect(alerts.isFiring('checkout', '1h/5m')).toBe(true);
  });

  it('goes on from its serialised state as if it had not stopped', () => {
    const first = new BurnAlerts();
    first.update(evaluation(45, 20, 20));
    const restored = BurnAlerts.restore(first.serialise());
    expect(restored.serialise()).toBe(first.serialise());
    expect(
      run(restored, [
        [45, 20, 20],
        [60, 20, 20],
        [75, 20, 1],
      ]),
    ).toEqual(['resolved checkout:1h/5m:45']);
  });

  it('refuses a state of another version', () => {
    expect(() => BurnAlerts.restore('{"version":7,"alerts":[]}')).toThrow('version 7');
  });
});
