import { describe, expect, it } from '@jest/globals';
import type { TimelineEntry } from '@vigil/contracts';
import { Story } from './story.js';

const brokenMs = Date.parse('2026-12-01T10:00:00Z');
const labels = {
  service: 'checkout',
  alertname: 'ErrorBudgetBurn',
  slo: 'checkout-latency',
  severity: 'page',
};
let id = 0;
const entry = (kind: TimelineEntry['kind'], seconds: number, body: Record<string, unknown>): TimelineEntry => ({
  id: id++,
  at: new Date(brokenMs + seconds * 1_000).toISOString(),
  kind,
  subject: 'checkout',
  body,
});
const burn = (seconds: number, more = {}): TimelineEntry =>
  entry('signal', seconds, {
    data: { kind: 'burn', status: 'firing', severity: 'page', labels, annotations: { summary: 'it burns' }, ...more },
  });

describe(Story.name, () => {
  it('is told in six chapters, each once, with the times at which things happened', () => {
    const story = new Story(brokenMs, 'checkout');
    const evidence = {
      secondsToRecover: 16,
      burnAtStart: 100,
      burnAtEnd: 0.5,
      budgetRemaining: 0.8,
      budgetRemainingAtStart: 0.82,
      minutesToExhaustion: 3.25,
    };
    const told = [
      burn(7),
      burn(9),
      entry('signal', 4, {
        data: { kind: 'anomaly', status: 'firing', severity: 'info', labels, annotations: { summary: 'p95 is 0.4 s' } },
      }),
      entry('alert', 7, { event: 'opened', labels }),
      entry('notification', 8, { event: 'notified', receiver: 'pager', labels }),
      entry('action', 8, { phase: 'succeeded', runId: 'earlier', labels, evidence }),
      entry('action', 9, {
        phase: 'executing',
        runId: 'r',
        runbook: 'scale-out',
        reason: 'demand',
        labels,
        evidence: {},
      }),
      entry('action', 30, {
        phase: 'succeeded',
        runId: 'r',
        runbook: 'scale-out',
        reason: 'burn is 0',
        labels,
        evidence,
      }),
      entry('action', 31, { phase: 'succeeded', runId: 'r', runbook: 'scale-out', reason: 'again', labels, evidence }),
    ].flatMap((each) => story.read(each));
    expect(told.map(({ chapter, atMs }) => `${(atMs - brokenMs) / 1_000} ${chapter}`)).toEqual([
      '7 burning',
      '4 anomaly',
      '8 page',
      '9 action',
      '30 verified',
      '30 saved',
    ]);
    expect(told.at(-2)!.text).toBe(
      'recovery verified: well again after 16 s; the budget burnt 100.0 times too fast, now 0.5',
    );
    expect(told.at(-1)!.text).toBe(
      'budget saved: 80.0 % of it is left (82.0 % when the action began); at the burn of that moment it would have been spent in 3.3 minutes',
    );
    expect(story.isOver).toBe(true);
  });

  it.each([
    { what: 'from before the fault', given: burn(-1) },
    { what: 'about another service', given: burn(1, { labels: { ...labels, service: 'cart' } }) },
    { what: 'that ends a signal', given: burn(1, { status: 'resolved' }) },
    { what: 'of a ticket', given: burn(1, { severity: 'ticket' }) },
  ])('does not tell what is $what', ({ given }) => {
    expect(new Story(brokenMs, 'checkout').read(given)).toEqual([]);
  });
});
