import { fingerprint, type Labels } from '@vigil/telemetry';
import type { AlertingConfig } from './config.js';

export interface Alert {
  readonly fingerprint: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  /** Set once it is resolved. */
  readonly endsAtMs?: number | undefined;
  readonly generatorUrl: string;
}

export interface Notification {
  /** Made of group, alerts and count of what was told before: the same notification has the same key, whoever computes it. */
  readonly key: string;
  readonly receiver: string;
  /** Alertmanager's: route and group labels. */
  readonly groupKey: string;
  readonly groupLabels: Labels;
  readonly status: 'firing' | 'resolved';
  /** Firing ones first, each in the order of their start. */
  readonly alerts: readonly Alert[];
}

interface Group {
  readonly labels: Labels;
  readonly createdMs: number;
  readonly alerts: Map<string, Alert>;
  flushedMs: number | undefined;
  /** What the receiver knows: when it was last told, which alerts fire, and how often it has been told. */
  toldMs: number | undefined;
  toldFiring: readonly string[];
  told: number;
}

const formatVersion = 1;

/**
 * Alerts by fingerprint, in groups, each with its timers: the first notification after `group_wait`, changes every
 * `group_interval`, reminders after `repeat_interval`, as Alertmanager does (dispatch/dispatch.go, notify.DedupStage).
 * Deterministic: the time is an argument.
 */
export class AlertGroups {
  readonly #groups = new Map<string, Group>();

  constructor(private readonly config: AlertingConfig) {}

  /** Opens, updates or resolves an alert. @returns what it did; a resolution of what is not open does nothing. */
  take(alert: Omit<Alert, 'fingerprint'>, nowMs: number): 'opened' | 'updated' | 'resolved' | 'ignored' {
    const id = fingerprint(alert.labels);
    const labels = Object.fromEntries(
      this.config.groupBy.flatMap((name) => (alert.labels[name] === undefined ? [] : [[name, alert.labels[name]]])),
    );
    const key = groupKeyOf(labels);
    const group = this.#groups.get(key);
    const open = group?.alerts.get(id);
    const isResolved = alert.endsAtMs !== undefined && alert.endsAtMs <= nowMs;
    if (isResolved && (open === undefined || open.endsAtMs !== undefined)) return 'ignored';
    const wasFiring = open !== undefined && open.endsAtMs === undefined;
    const kept = group ?? this.#open(key, labels, nowMs);
    const startsAtMs = wasFiring ? Math.min(open.startsAtMs, alert.startsAtMs) : alert.startsAtMs;
    kept.alerts.set(id, { ...alert, fingerprint: id, startsAtMs, endsAtMs: isResolved ? alert.endsAtMs : undefined });
    return isResolved ? 'resolved' : wasFiring ? 'updated' : 'opened';
  }

  /** What is to be sent at `nowMs`; it counts as told. */
  due(nowMs: number): Notification[] {
    const notifications: Notification[] = [];
    for (const [key, group] of this.#groups) {
      const { groupWaitMs, groupIntervalMs } = this.config;
      const dueMs = group.flushedMs === undefined ? group.createdMs + groupWaitMs : group.flushedMs + groupIntervalMs;
      if (nowMs < dueMs) continue;
      group.flushedMs = nowMs;
      const notification = this.#flush(key, group, nowMs);
      if (notification !== undefined) notifications.push(notification);
      for (const [id, { endsAtMs }] of group.alerts) if (endsAtMs !== undefined) group.alerts.delete(id);
      if (group.alerts.size === 0) this.#groups.delete(key);
    }
    return notifications;
  }

  alerts(): Alert[] {
    return [...this.#groups.values()].flatMap(({ alerts }) => [...alerts.values()]);
  }

  /** By fingerprint; among several groups (after a change of `group_by`) the first. */
  find(id: string): Alert | undefined {
    for (const { alerts } of this.#groups.values()) {
      const alert = alerts.get(id);
      if (alert !== undefined) return alert;
    }
    return undefined;
  }

  /** State as JSON text. */
  serialise(): string {
    const groups = [...this.#groups].map(([key, group]) => [key, { ...group, alerts: [...group.alerts.values()] }]);
    return JSON.stringify({ version: formatVersion, groups });
  }

  /**
   * Groups of another `group_by` are formed anew by their alerts.
   * @throws RangeError when the text is of another version.
   */
  static restore(text: string, config: AlertingConfig): AlertGroups {
    const { version, groups } = JSON.parse(text) as {
      version: number;
      groups: [string, Omit<Group, 'alerts'> & { alerts: Alert[] }][];
    };
    if (version !== formatVersion)
      throw new RangeError(`alert groups of version ${version}; this program reads version ${formatVersion}`);
    const restored = new AlertGroups(config);
    for (const [key, group] of groups) {
      const [first] = group.alerts;
      const kept = config.groupBy
        .filter((name) => first?.labels[name] !== undefined)
        .sort()
        .join();
      if (Object.keys(group.labels).sort().join() === kept) {
        const alerts = new Map(group.alerts.map((alert) => [alert.fingerprint, alert]));
        restored.#groups.set(key, { ...group, alerts });
      } else for (const alert of group.alerts) restored.take(alert, group.createdMs);
    }
    return restored;
  }

  #open(key: string, labels: Labels, nowMs: number): Group {
    const group: Group = {
      labels,
      createdMs: nowMs,
      alerts: new Map(),
      flushedMs: undefined,
      toldMs: undefined,
      toldFiring: [],
      told: 0,
    };
    this.#groups.set(key, group);
    return group;
  }

  #flush(key: string, group: Group, nowMs: number): Notification | undefined {
    const alerts = [...group.alerts.values()].sort(
      (a, b) => Number(a.endsAtMs !== undefined) - Number(b.endsAtMs !== undefined) || a.startsAtMs - b.startsAtMs,
    );
    const firing = alerts.filter(({ endsAtMs }) => endsAtMs === undefined).map((alert) => alert.fingerprint);
    const hasNew = firing.some((id) => !group.toldFiring.includes(id));
    const hasEnded = group.toldFiring.some((id) => !firing.includes(id));
    const isReminder =
      firing.length > 0 && group.toldMs !== undefined && nowMs >= group.toldMs + this.config.repeatIntervalMs;
    if (!hasNew && !hasEnded && !isReminder) return undefined;
    group.told++;
    group.toldMs = nowMs;
    group.toldFiring = firing;
    const content = alerts.map(({ fingerprint: id, startsAtMs, endsAtMs }) => `${id}@${startsAtMs}-${endsAtMs ?? ''}`);
    return {
      key: `${this.config.receiver}:${fingerprint({ key, content: content.join() })}:${group.told}`,
      receiver: this.config.receiver,
      groupKey: key,
      groupLabels: group.labels,
      status: firing.length > 0 ? 'firing' : 'resolved',
      alerts,
    };
  }
}

/** `{}:{alertname="x", job="y"}`: the root route, then the group's labels. */
function groupKeyOf(labels: Labels): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `{}:{${pairs.join(', ')}}`;
}

/** Alerts of severity `info` are for the timeline, for runbooks and for whoever asks: nobody is told of them. */
export function isForPeople({ labels }: Pick<Alert, 'labels'>): boolean {
  return labels['severity'] !== 'info';
}

/** What of a notification people are told; undefined when that is nothing. */
export function forPeople(notification: Notification): Notification | undefined {
  const alerts = notification.alerts.filter(isForPeople);
  if (alerts.length === 0) return undefined;
  const status = alerts.some(({ endsAtMs }) => endsAtMs === undefined) ? 'firing' : 'resolved';
  return { ...notification, alerts, status };
}
