import type { TimelineEntry } from '@vigil/contracts';

export const chapters = ['burning', 'anomaly', 'page', 'action', 'verified', 'saved'] as const;
export type Chapter = (typeof chapters)[number];

/** One line of the story. */
export interface Told {
  readonly chapter: Chapter;
  readonly atMs: number;
  readonly text: string;
}

interface Said {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly evidence?: Readonly<Record<string, number>>;
  readonly status?: string;
  readonly kind?: string;
  readonly severity?: string;
  readonly event?: string;
  readonly phase?: string;
  readonly receiver?: string;
  readonly reason?: string;
  readonly runbook?: string;
  readonly runId?: string;
}

/**
 * Reads the timeline of one fault as a story in six chapters, each told once, from what Vigil itself said: nothing here
 * knows what was broken.
 */
export class Story {
  readonly #told = new Set<Chapter>();
  /** The run that the action's chapter told of: its end is the story's. */
  #run: string | undefined;

  constructor(
    private readonly sinceMs: number,
    private readonly service: string,
  ) {}

  get isOver(): boolean {
    return this.#told.size === chapters.length;
  }

  /** Chapters that the entry opens; an entry from before the fault, or about another service, opens none. */
  read(entry: TimelineEntry): Told[] {
    const atMs = Date.parse(entry.at);
    const said = (entry.kind === 'signal' ? (entry.body['data'] as Said) : (entry.body as Said)) ?? {};
    if (atMs < this.sinceMs || said.labels?.['service'] !== this.service) return [];
    if (said.phase === 'executing') this.#run ??= said.runId;
    if (said.phase === 'succeeded' && said.runId !== this.#run) return [];
    return chaptersOf(entry.kind, said).flatMap(({ chapter, text }) => {
      if (this.#told.has(chapter)) return [];
      this.#told.add(chapter);
      return [{ chapter, atMs, text }];
    });
  }
}

function chaptersOf(kind: TimelineEntry['kind'], said: Said): { chapter: Chapter; text: string }[] {
  const { labels = {}, annotations = {}, evidence = {} } = said;
  const summary = annotations['summary'] ?? labels['alertname'] ?? '';
  switch (kind) {
    case 'signal':
      if (said.status !== 'firing') return [];
      if (said.kind === 'burn' && said.severity === 'page')
        return [{ chapter: 'burning', text: `budget burning: ${summary}` }];
      return said.kind === 'anomaly' ? [{ chapter: 'anomaly', text: `anomaly seen: ${summary}` }] : [];
    case 'notification':
      if (labels['severity'] !== 'page') return [];
      return [
        {
          chapter: 'page',
          text: `page sent: to '${said.receiver}', for ${labels['alertname']} of ${labels['slo'] ?? labels['watch']}`,
        },
      ];
    case 'action':
      if (said.phase === 'executing')
        return [{ chapter: 'action', text: `action chosen: ${said.runbook}: ${said.reason}` }];
      if (said.phase !== 'succeeded') return [];
      return [
        { chapter: 'verified', text: `recovery verified: ${recovered(evidence)}` },
        { chapter: 'saved', text: `budget saved: ${saved(evidence)}` },
      ];
    case 'alert':
    case 'demo':
      return [];
    default: {
      const unreachable: never = kind;
      return unreachable;
    }
  }
}

function recovered({ secondsToRecover, burnAtStart, burnAtEnd }: Readonly<Record<string, number>>): string {
  const after = secondsToRecover === undefined ? 'well again' : `well again after ${secondsToRecover.toFixed(0)} s`;
  if (burnAtStart === undefined || burnAtEnd === undefined) return after;
  return `${after}; the budget burnt ${burnAtStart.toFixed(1)} times too fast, now ${burnAtEnd.toFixed(1)}`;
}

const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

function saved(evidence: Readonly<Record<string, number>>): string {
  const { budgetRemainingAtStart, budgetRemaining, minutesToExhaustion } = evidence;
  if (budgetRemaining === undefined) return 'no budget had begun to burn';
  const left = `${percent(budgetRemaining)} of it is left`;
  const before =
    budgetRemainingAtStart === undefined ? '' : ` (${percent(budgetRemainingAtStart)} when the action began)`;
  const otherwise =
    minutesToExhaustion === undefined
      ? ''
      : `; at the burn of that moment it would have been spent in ${minutesToExhaustion.toFixed(1)} minutes`;
  return `${left}${before}${otherwise}`;
}
