import { compileMatchers, type Labels } from '@vigil/telemetry';
import type { Runbook } from './runbook.js';
import { renderText, TemplateError } from './template.js';

/** What healing knows of an alert. */
export interface OpenAlert {
  readonly id: string;
  readonly fingerprint: string;
  readonly kind: Runbook['kinds'][number] | undefined;
  readonly signalId: string;
  readonly labels: Labels;
  /** Numbers that the signal rests on; absent where none were told. */
  readonly evidence?: Readonly<Record<string, number>> | undefined;
  readonly openedAtMs: number;
}

export interface Candidate {
  readonly runbook: Runbook;
  /** What it would act on: one action at a time, and the cooldown's owner. */
  readonly target: string;
}

export function matchesAlert(runbook: Runbook, { kind, labels }: Pick<OpenAlert, 'kind' | 'labels'>): boolean {
  if (runbook.kinds.length > 0 && (kind === undefined || !runbook.kinds.includes(kind))) return false;
  return compileMatchers(runbook.matchers)(labels);
}

/** Those that match, best first: by priority, then by how much they ask of the alert, then by name. */
export function rankCandidates(runbooks: readonly Runbook[], alert: OpenAlert): Candidate[] {
  return runbooks
    .filter((runbook) => matchesAlert(runbook, alert))
    .sort(
      (a, b) => b.priority - a.priority || askedOf(b) - askedOf(a) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
    )
    .map((runbook) => ({ runbook, target: targetOf(runbook, alert.labels) }));
}

/** `group/checkout` for what steps act on here; else the alert's service, else the runbook itself. */
export function targetOf(runbook: Runbook, labels: Labels): string {
  try {
    if (runbook.group !== undefined) return `group/${renderText(runbook.group, labels)}`;
  } catch (error) {
    // The step will say which label is missing.
    if (!(error instanceof TemplateError)) throw error;
  }
  const service = labels['service'];
  return service === undefined ? `runbook/${runbook.name}` : `service/${service}`;
}

const askedOf = ({ matchers, kinds }: Runbook): number => matchers.length + (kinds.length > 0 ? 1 : 0);

/** Why `chosen` came before the others that match, in words. */
export function rankReason(chosen: Candidate, candidates: readonly Candidate[]): string {
  const { runbook } = chosen;
  const asks = `${askedOf(runbook)} condition${askedOf(runbook) === 1 ? '' : 's'}`;
  const others = candidates.filter(
    (candidate) => candidate !== chosen && candidates.indexOf(candidate) > candidates.indexOf(chosen),
  );
  const passed = others.map(({ runbook: other }) =>
    other.priority < runbook.priority
      ? `${other.name} has priority ${other.priority}`
      : askedOf(other) < askedOf(runbook)
        ? `${other.name} asks ${askedOf(other)} of the alert`
        : `${other.name} comes later by name`,
  );
  const first = `${runbook.name} matches with priority ${runbook.priority} and ${asks}`;
  return passed.length === 0 ? first : `${first}; passed over: ${passed.join(', ')}`;
}
