import type { AnomalyPoint, ForecastAnswer } from '@vigil/contracts';
import { quantity } from '@vigil/telemetry';
import { css, type CSSResult, html, LitElement, type TemplateResult } from 'lit';
import type { PlotData } from './plot.js';
import './plot.js';

/** A watched metric with the band it was expected in, what was odd about it, and what is expected next. */
export class SeriesPanel extends LitElement {
  static override properties = {
    name: {},
    points: { attribute: false },
    forecast: { attribute: false },
  };
  static override styles: CSSResult = css`
    :host {
      display: block;
      min-width: 0;
    }
    .now {
      font-size: 22px;
      font-variant-numeric: tabular-nums;
    }
    .quiet {
      color: var(--quiet);
      font-size: 13px;
    }
    .odd {
      color: var(--bad);
      font-weight: 600;
    }
    .key {
      display: flex;
      flex-wrap: wrap;
      gap: 4px 14px;
      color: var(--quiet);
      font-size: 12px;
    }
    .key i {
      display: inline-block;
      width: 18px;
      height: 8px;
      border-radius: 2px;
      margin-right: 5px;
    }
  `;

  declare name: string;
  declare points: readonly AnomalyPoint[];
  declare forecast: ForecastAnswer | undefined;

  constructor() {
    super();
    this.name = '';
    this.points = [];
  }

  protected override render(): TemplateResult {
    const last = this.points.at(-1);
    const unit = this.forecast?.unit ?? '';
    const said = (value: number): string => quantity(value, unit);
    return html`
      <div class="now">
        ${last === undefined ? 'no value yet' : said(last.value)}
        ${
          last === undefined
            ? ''
            : html`<span class=${last.isAnomaly ? 'odd' : 'quiet'}>
                expected ${said(last.expected)} (${said(last.lower)} to ${said(last.upper)})
              </span>`
        }
      </div>
      <vigil-plot .data=${this.#data()} .format=${said} height="220"></vigil-plot>
      <div class="key">
        <span><i style="background: var(--accent)"></i>measured</span>
        <span><i style="background: var(--band)"></i>expected band</span>
        <span><i style="background: var(--bad)"></i>anomaly</span>
        <span><i style="background: var(--future)"></i>forecast, 90 % of futures</span>
      </div>
    `;
  }

  #data(): PlotData {
    const { points, forecast } = this;
    const future = forecast?.points ?? [];
    const lastMs = points.at(-1)?.t ?? 0;
    const ahead = future.filter(({ t }) => t > lastMs);
    const past = <Value>(of: (point: AnomalyPoint) => Value): (Value | null)[] => [
      ...points.map(of),
      ...ahead.map(() => null),
    ];
    const next = (of: (point: (typeof ahead)[number]) => number | undefined): (number | null)[] => [
      ...points.map(() => null),
      ...ahead.map((point) => of(point) ?? null),
    ];
    return {
      times: [...points, ...ahead].map(({ t }) => t / 1_000),
      lines: [
        { label: 'upper', values: past(({ upper }) => upper), colour: '--band', width: 1 },
        { label: 'lower', values: past(({ lower }) => lower), colour: '--band', width: 1 },
        { label: 'high', values: next(({ quantiles }) => quantiles[2]), colour: '--future', width: 1 },
        { label: 'low', values: next(({ quantiles }) => quantiles[0]), colour: '--future', width: 1 },
        { label: 'middle', values: next(({ quantiles }) => quantiles[1]), colour: '--good', dash: [4, 3] },
        { label: 'measured', values: past(({ value }) => value), colour: '--accent', width: 2 },
        {
          label: 'anomaly',
          values: past(({ value, isAnomaly }) => (isAnomaly ? value : null)),
          colour: '--bad',
          dots: true,
        },
      ],
      bands: [
        { between: [0, 1], colour: '--band' },
        { between: [2, 3], colour: '--future' },
      ],
    };
  }
}

customElements.define('series-panel', SeriesPanel);
