import type {
  AnomalyPoint,
  ForecastAnswer,
  Health,
  ProcessGroupAnswer,
  ReplicaAdvice,
  SloHistory,
  SloStatus,
  TimelineEntry,
} from '@vigil/contracts';
import { css, type CSSResult, html, LitElement, nothing, type TemplateResult } from 'lit';
import { api, type SeriesHead } from './api.js';
import { time, zoneName } from './format.js';
import './series-panel.js';
import './slo-card.js';
import './timeline-list.js';

const fastMs = 1_000;
const slowMs = 5_000;
const entriesMax = 200;
const kinds = ['signal', 'alert', 'notification', 'action', 'demo'] as const;

const seriesName = ({ watch, labels }: SeriesHead): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? watch : `${watch} (${pairs.join(', ')})`;
};

/** The page: SLOs, one metric with its band and forecast, replicas, and what happened. */
export class VigilApp extends LitElement {
  static override properties = Object.fromEntries(
    [
      'health',
      'slos',
      'histories',
      'series',
      'chosen',
      'points',
      'forecast',
      'groups',
      'advice',
      'entries',
      'trouble',
    ].map((name) => [name, { state: true }]),
  );
  static override styles: CSSResult = css`
    :host {
      display: block;
      max-width: 1500px;
      margin: 0 auto;
      padding: 14px 18px 40px;
    }
    header {
      display: flex;
      align-items: baseline;
      gap: 16px;
      flex-wrap: wrap;
      margin-bottom: 14px;
    }
    h1 {
      font-size: 20px;
      margin: 0;
      letter-spacing: 0.02em;
    }
    a {
      color: var(--accent);
    }
    .quiet {
      color: var(--quiet);
    }
    .ok {
      color: var(--good);
    }
    .bad {
      color: var(--bad);
    }
    main {
      display: grid;
      grid-template-columns: minmax(0, 2fr) minmax(300px, 1fr);
      gap: 14px;
      align-items: start;
    }
    .slos {
      display: grid;
      grid-template-columns: repeat(auto-fit, minmax(340px, 1fr));
      gap: 14px;
    }
    .left {
      display: grid;
      gap: 14px;
      min-width: 0;
    }
    section {
      background: var(--panel);
      border: 1px solid var(--line);
      border-radius: 8px;
      padding: 14px 16px;
      min-width: 0;
    }
    section > h2 {
      font-size: 14px;
      margin: 0 0 8px;
      display: flex;
      justify-content: space-between;
      align-items: center;
      gap: 10px;
      flex-wrap: wrap;
    }
    select {
      font: inherit;
      color: inherit;
      background: var(--page);
      border: 1px solid var(--line);
      border-radius: 5px;
      padding: 3px 6px;
      max-width: 100%;
    }
    .replica {
      display: inline-block;
      width: 16px;
      height: 16px;
      border-radius: 4px;
      margin-right: 4px;
      background: var(--good);
      vertical-align: -3px;
    }
    .replica.wanted {
      background: none;
      outline: 1px dashed var(--warn);
      outline-offset: -1px;
    }
    .groups p {
      margin: 4px 0;
    }
    aside {
      max-height: calc(100vh - 90px);
      overflow: auto;
    }
    @media (max-width: 900px) {
      main {
        grid-template-columns: minmax(0, 1fr);
      }
      aside {
        max-height: none;
      }
    }
  `;

  declare health: Health | undefined;
  declare slos: readonly SloStatus[];
  declare histories: ReadonlyMap<string, SloHistory>;
  declare series: readonly SeriesHead[];
  declare chosen: string | undefined;
  declare points: readonly AnomalyPoint[];
  declare forecast: ForecastAnswer | undefined;
  declare groups: readonly ProcessGroupAnswer[];
  declare advice: ReadonlyMap<string, ReplicaAdvice>;
  declare entries: readonly TimelineEntry[];
  declare trouble: string | undefined;
  #events: EventSource | undefined;

  constructor() {
    super();
    this.slos = [];
    this.histories = new Map();
    this.series = [];
    this.points = [];
    this.groups = [];
    this.advice = new Map();
    this.entries = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    repeat(
      fastMs,
      () => this.#fast(),
      (trouble) => (this.trouble = trouble),
    );
    repeat(
      slowMs,
      () => this.#slow(),
      (trouble) => (this.trouble = trouble),
    );
    this.#events = new EventSource('/api/v1/events');
    for (const kind of kinds) {
      this.#events.addEventListener(kind, ({ data }: MessageEvent<string>) => {
        const entry = JSON.parse(data) as TimelineEntry;
        // A connection that was cut goes on where it was; should an entry come twice, it is shown once.
        if ((this.entries.at(-1)?.id ?? 0) < entry.id) this.entries = [...this.entries, entry].slice(-entriesMax);
      });
    }
  }

  async #fast(): Promise<void> {
    [this.slos, this.groups] = await Promise.all([api.slos(), api.groups()]);
    const series = this.#series();
    if (series !== undefined) this.points = await api.points(series.id);
  }

  async #slow(): Promise<void> {
    this.health = await api.health();
    this.series = (await api.series()).toSorted((a, b) => (seriesName(a) < seriesName(b) ? -1 : 1));
    const histories = await Promise.all(this.slos.map(async ({ name }) => [name, await api.history(name)] as const));
    this.histories = new Map(histories.flatMap(([name, history]) => (history === undefined ? [] : [[name, history]])));
    this.advice = new Map((await api.replicas()).map((advice) => [advice.service, advice]));
    const series = this.#series();
    this.forecast =
      series === undefined ? undefined : await api.forecast(series.id).then((f) => f ?? api.forecast(series.watch));
  }

  /** The series that was chosen, or a latency: what people look at first. */
  #series(): SeriesHead | undefined {
    return (
      this.series.find(({ id }) => id === this.chosen) ??
      this.series.find(({ watch }) => /latency/.test(watch) && !watch.startsWith('slo-')) ??
      this.series[0]
    );
  }

  protected override render(): TemplateResult {
    return html`
      ${this.#header()}
      <main>
        <div class="left">
          <div class="slos">
            ${
              this.slos.length === 0
                ? html`<section class="quiet">
                    No SLOs yet: put OpenSLO documents into the folder that VIGIL_SLOS names.
                  </section>`
                : this.slos.map(
                    (slo) => html`<slo-card .slo=${slo} .history=${this.histories.get(slo.name)}></slo-card>`,
                  )
            }
          </div>
          ${this.#metric()} ${this.#replicas()}
        </div>
        <section>
          <h2>What happened <span class="quiet">times in ${zoneName}</span></h2>
          <aside><timeline-list .entries=${this.entries}></timeline-list></aside>
        </section>
      </main>
    `;
  }

  #header(): TemplateResult {
    const { health, trouble } = this;
    const state =
      trouble !== undefined
        ? html`<span class="bad">no answer since ${time(Date.now())}: ${trouble}</span>`
        : health === undefined
          ? html`<span class="quiet">loading</span>`
          : html`<span class=${health.status === 'ok' ? 'ok' : 'bad'}>${health.status}</span>
              <span class="quiet">${health.reasons.join('; ')}</span>
              <span class="quiet">
                ${health.version} on ${health.log} and
                ${health.store}${health.tensor === null ? '' : `, tensors on ${health.tensor.backend}`}
              </span>`;
    return html`<header>
      <h1>Vigil</h1>
      ${state}
      <span style="flex: 1"></span>
      <a href="/docs">REST</a> <a href="/metrics">metrics</a> <a href="/api/v1/timeline">timeline</a>
    </header>`;
  }

  #metric(): TemplateResult | typeof nothing {
    const series = this.#series();
    if (series === undefined) return nothing;
    return html`<section>
      <h2>
        <span>Watched metric</span>
        <select
          aria-label="watched series"
          @change=${(event: Event) => this.#choose((event.target as HTMLSelectElement).value)}
        >
          ${this.series.map((each) => html`<option value=${each.id} ?selected=${each.id === series.id}>${seriesName(each)}</option>`)}
        </select>
      </h2>
      <series-panel .name=${seriesName(series)} .points=${this.points} .forecast=${this.forecast}></series-panel>
    </section>`;
  }

  #replicas(): TemplateResult | typeof nothing {
    if (this.groups.length === 0) return nothing;
    return html`<section class="groups">
      <h2>Replicas</h2>
      ${this.groups.map(({ name, replicas, instances }) => {
        const advice = this.advice.get(name);
        const missing = Math.max(0, (advice?.replicas ?? 0) - replicas);
        return html`<p>
          ${instances.map((instance) => html`<span class="replica" title=${instance}></span>`)}${Array.from(
            { length: missing },
            () => html`<span class="replica wanted" title="recommended"></span>`,
          )}
          <b>${name}</b> ${replicas}${
            advice === undefined
              ? ''
              : html`, <span class="quiet">recommended ${advice.replicas}: ${advice.reason}</span>`
          }
        </p>`;
      })}
    </section>`;
  }

  #choose(id: string): void {
    this.chosen = id;
    this.points = [];
    this.forecast = undefined;
    void this.#fast();
    void this.#slow();
  }
}

/** One after the other, so that a slow answer is not overtaken; told of trouble, and of its end. */
function repeat(everyMs: number, work: () => Promise<void>, tell: (trouble: string | undefined) => void): void {
  const turn = (): void => {
    work()
      .then(
        () => tell(undefined),
        (error: unknown) => tell((error as Error).message),
      )
      .finally(() => setTimeout(turn, everyMs));
  };
  turn();
}

customElements.define('vigil-app', VigilApp);
