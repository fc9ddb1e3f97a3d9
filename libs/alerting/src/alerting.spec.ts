import { describe, expect, it } from '@jest/globals';
import {
  type Alert,
  AlertGroups,
  type AlertingConfig,
  classifyAnswer,
  forPeople,
  type Notification,
  parseAlertingConfig,
  retryDelayMs,
  webhookPayload,
} from './index.js';

const minute = 60_000;
const config: AlertingConfig = {
  receiver: 'team',
  groupBy: ['alertname'],
  groupWaitMs: 10_000,
  groupIntervalMs: minute,
  repeatIntervalMs: 60 * minute,
  webhooks: [],
};
const alert = (instance: string, startsAtMs: number, endsAtMs?: number) => ({
  labels: { instance, alertname: 'Burn' },
  annotations: { summary: 'a <b> & c' },
  startsAtMs,
  endsAtMs,
  generatorUrl: 'http://vigil/slo',
});
const tell = (groups: AlertGroups, nowMs: number): string[] =>
  groups
    .due(nowMs)
    .map(
      ({ status, alerts }) =>
        `${status} ${alerts.map(({ labels, endsAtMs }) => `${labels['instance']}${endsAtMs === undefined ? '' : ' ended'}`).join()}`,
    );

describe('alert groups', () => {
  it('tell first after group_wait, changes after group_interval, the end once, and remind', () => {
    const groups = new AlertGroups(config);
    expect(groups.take(alert('a', 0), 0)).toBe('opened');
    expect(tell(groups, 9_999)).toEqual([]);
    expect(tell(groups, 10_000)).toEqual(['firing a']);
    expect(groups.take(alert('a', 5), 11_000)).toBe('updated');
    expect(groups.take(alert('b', 12_000), 12_000)).toBe('opened');
    expect(tell(groups, 30_000)).toEqual([]);
    expect(tell(groups, 70_000)).toEqual(['firing a,b']);
    expect(tell(groups, 130_000)).toEqual([]);
    expect(tell(groups, 70_000 + 60 * minute)).toEqual(['firing a,b']);
    expect(groups.take(alert('a', 0, 4_000_000), 4_000_000)).toBe('resolved');
    expect(groups.take(alert('a', 0, 4_000_000), 4_000_000)).toBe('ignored');
    expect(tell(groups, 70_000 + 62 * minute)).toEqual(['firing b,a ended']);
    groups.take(alert('b', 12_000, 4_100_000), 4_100_000);
    expect(tell(groups, 70_000 + 64 * minute)).toEqual(['resolved b ended']);
    expect(groups.alerts()).toEqual([]);
    expect(tell(groups, 900 * minute)).toEqual([]);
  });

  it('remind under a key of its own each time', () => {
    const groups = new AlertGroups(config);
    const keys: string[] = [];
    const flush = (nowMs: number): unknown => keys.push(...groups.due(nowMs).map(({ key }) => key));
    groups.take(alert('a', 0), 0);
    flush(10_000);
    flush(10_000 + 60 * minute);
    groups.take(alert('b', 62 * minute), 62 * minute);
    flush(62 * minute);
    groups.take(alert('b', 62 * minute, 63 * minute), 63 * minute);
    flush(64 * minute);
    flush(130 * minute);
    expect(keys).toHaveLength(5);
    expect(new Set(keys).size).toBe(5);
  });

  it('lose and double nothing over a restart at any point', () => {
    const run = (restartAt: number): string[] => {
      let groups = new AlertGroups(config);
      const keys: string[] = [];
      for (let step = 0; step < 120; step++) {
        if (step === restartAt) groups = AlertGroups.restore(groups.serialise(), config);
        const now = step * 20_000;
        if (step % 7 === 0) groups.take(alert(`i${step % 3}`, now), now);
        if (step % 11 === 5) groups.take(alert(`i${step % 3}`, 0, now), now);
        keys.push(...groups.due(now).map(({ key }) => key));
      }
      return keys;
    };
    const straight = run(-1);
    expect(straight.length).toBeGreaterThan(3);
    expect(new Set(straight).size).toBe(straight.length);
    for (let at = 0; at < 120; at++) expect(run(at)).toEqual(straight);
  });
});

describe('the webhook payload', () => {
  it('is version 4 to the byte', () => {
    const groups = new AlertGroups(config);
    groups.take(alert('a', 1_500), 0);
    groups.take(alert('b', 2_000), 0);
    const [notification] = groups.due(10_000);
    const webhook = { url: 'http://x', sendResolved: true, maxAlerts: 1 };
    expect(webhookPayload(notification!, webhook, 'http://vigil')).toBe(
      '{"receiver":"team","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Burn","instance":"a"},' +
        '"annotations":{"summary":"a \\u003cb\\u003e \\u0026 c"},"startsAt":"1970-01-01T00:00:01.5Z","endsAt":"0001-01-01T00:00:00Z",' +
        `"generatorURL":"http://vigil/slo","fingerprint":"${notification!.alerts[0]!.fingerprint}"}],` +
        '"groupLabels":{"alertname":"Burn"},"commonLabels":{"alertname":"Burn","instance":"a"},' +
        '"commonAnnotations":{"summary":"a \\u003cb\\u003e \\u0026 c"},"externalURL":"http://vigil","version":"4",' +
        '"groupKey":"{}:{alertname=\\"Burn\\"}","truncatedAlerts":1}\n',
    );
  });
});

describe('the configuration', () => {
  it("reads Alertmanager's words", () => {
    const text =
      'route: { receiver: r, group_by: [alertname], group_wait: 1s }\nreceivers:\n  - name: r\n    webhook_configs: [{ url: "http://127.0.0.1:1/" }]\n';
    expect(parseAlertingConfig(text, 'am.yaml')).toMatchObject({
      receiver: 'r',
      groupWaitMs: 1_000,
      groupIntervalMs: 300_000,
      webhooks: [{ sendResolved: true }],
    });
  });

  it.each([
    { text: 'route: { receiver: r }\nreceivers: []\n', says: "am.yaml:1: route.receiver: 'r' is no receiver" },
    {
      text: 'route: { receiver: r }\nreceivers:\n  - name: r\n    pagerduty_configs: []\n',
      says: 'am.yaml:3: receivers[0]: ',
    },
    {
      text: 'route: { receiver: r, group_wait: soon }\nreceivers: [{ name: r }]\n',
      says: 'am.yaml:1: route.group_wait: group_wait must be a duration',
    },
  ])('refuses $text', ({ text, says }) => expect(() => parseAlertingConfig(text, 'am.yaml')).toThrow(says));
});

describe('delivery', () => {
  it.each([
    { status: 204, is: 'delivered' },
    { status: 503, is: 'retry' },
    { status: 429, is: 'retry' },
    { status: 404, is: 'refused' },
  ])('answer $status is $is', ({ status, is }) => expect(classifyAnswer(status)).toBe(is));

  it('waits longer each time, within bounds', () => {
    expect(retryDelayMs(1, 0)).toBe(1_000);
    expect(retryDelayMs(4, 0.5)).toBe(6_000);
    expect(retryDelayMs(99, 0)).toBe(300_000);
  });
});

describe(forPeople.name, () => {
  const alert = (severity: string, endsAtMs?: number): Alert => ({
    fingerprint: severity,
    labels: { severity },
    annotations: {},
    startsAtMs: 0,
    endsAtMs,
    generatorUrl: '',
  });
  const notification = (...alerts: Alert[]): Notification => ({
    key: 'k',
    receiver: 'r',
    groupKey: '{}',
    groupLabels: {},
    status: 'firing',
    alerts,
  });

  it('leaves out what is for information, and says how the rest stands', () => {
    expect(forPeople(notification(alert('info'), alert('page', 5)))).toMatchObject({
      status: 'resolved',
      alerts: [{ labels: { severity: 'page' } }],
    });
  });

  it('is nothing when all of it is for information', () => {
    expect(forPeople(notification(alert('info')))).toBeUndefined();
  });
});
