import type { TimelineEntry } from '@vigil/contracts';
import { css, type CSSResult, html, LitElement, type TemplateResult } from 'lit';
import { time } from './format.js';

interface Body {
  readonly data?: Body;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly status?: string;
  readonly kind?: string;
  readonly severity?: string;
  readonly event?: string;
  readonly receiver?: string;
  readonly phase?: string;
  readonly runbook?: string;
  readonly reason?: string;
  readonly words?: string;
}

interface Line {
  readonly tone: 'bad' | 'warn' | 'good' | 'accent' | 'quiet';
  readonly title: string;
  readonly text: string;
}

/** What happened, newest first. */
export class TimelineList extends LitElement {
  static override properties = { entries: { attribute: false } };
  static override styles: CSSResult = css`
    ol {
      list-style: none;
      margin: 0;
      padding: 0;
    }
    li {
      display: grid;
      grid-template-columns: 64px 1fr;
      gap: 0 10px;
      padding: 7px 0 7px 10px;
      border-left: 3px solid var(--tone);
      margin-bottom: 4px;
      background: color-mix(in srgb, var(--tone) 5%, transparent);
    }
    time {
      color: var(--quiet);
      font-variant-numeric: tabular-nums;
    }
    b {
      color: var(--tone);
    }
    .text {
      overflow-wrap: anywhere;
    }
    .empty {
      color: var(--quiet);
    }
  `;

  declare entries: readonly TimelineEntry[];

  constructor() {
    super();
    this.entries = [];
  }

  protected override render(): TemplateResult {
    if (this.entries.length === 0) return html`<p class="empty">Nothing has happened yet.</p>`;
    const newest = collapsed(this.entries).toReversed();
    return html`<ol>
      ${newest.map(({ entry, more }) => {
        const { tone, title, text } = lineOf(entry);
        return html`<li style="--tone: var(--${tone})">
          <time datetime=${entry.at}>${time(entry.at)}</time>
          <div class="text"><b>${title}</b> ${text}${more > 0 ? ` and ${more} more` : ''}</div>
        </li>`;
      })}
    </ol>`;
  }
}

/** An alert for information says what its signal has said a line before. */
function isSaidAlready({ kind, body }: TimelineEntry): boolean {
  return kind === 'alert' && (body as Body).labels?.['severity'] === 'info';
}

interface Shown {
  readonly entry: TimelineEntry;
  more: number;
}

/** A delivery tells of every alert of its group: one line a delivery is enough. */
function collapsed(entries: readonly TimelineEntry[]): Shown[] {
  const shown: Shown[] = [];
  for (const entry of entries.filter((each) => !isSaidAlready(each))) {
    const last = shown.at(-1);
    const sameDelivery =
      entry.kind === 'notification' && last?.entry.kind === 'notification' && last.entry.at === entry.at;
    if (sameDelivery) last.more++;
    else shown.push({ entry, more: 0 });
  }
  return shown;
}

function lineOf({ kind, subject, body }: TimelineEntry): Line {
  const said = body as Body;
  switch (kind) {
    case 'signal': {
      const { status, severity = '', annotations, kind: of = 'signal' } = said.data ?? {};
      const over = status === 'resolved';
      const tone = over ? 'good' : severity === 'page' ? 'bad' : severity === 'ticket' ? 'warn' : 'accent';
      return { tone, title: over ? `${of} over` : of, text: annotations?.['summary'] ?? subject };
    }
    case 'alert': {
      const tone = said.event === 'resolved' ? 'good' : said.labels?.['severity'] === 'page' ? 'bad' : 'warn';
      return { tone, title: `alert ${said.event}`, text: said.annotations?.['summary'] ?? subject };
    }
    case 'notification':
      return {
        tone: 'accent',
        title: 'notified',
        text: `${said.receiver}: ${said.labels?.['alertname']} of ${subject}`,
      };
    case 'action': {
      const { phase = '', runbook = '', reason = '' } = said;
      const tone = phase === 'succeeded' ? 'good' : /failed|refused|rolled/.test(phase) ? 'bad' : 'accent';
      return { tone, title: `action ${phase}`, text: `${runbook} on ${subject}: ${reason}` };
    }
    case 'demo':
      return { tone: 'quiet', title: 'demo', text: said.words ?? subject };
    default: {
      const unreachable: never = kind;
      return unreachable;
    }
  }
}

customElements.define('timeline-list', TimelineList);
