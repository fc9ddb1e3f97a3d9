import type { SloHistory, SloStatus } from '@vigil/contracts';
import { css, type CSSResult, html, LitElement, nothing, type TemplateResult } from 'lit';
import { duration, percent, time } from './format.js';
import type { PlotData } from './plot.js';
import './plot.js';

/** An SLO at a glance: budget left, how fast it burns, and the way there. */
export class SloCard extends LitElement {
  static override properties = { slo: { attribute: false }, history: { attribute: false } };
  static override styles: CSSResult = css`
    :host {
      display: block;
      background: var(--panel);
      border: 1px solid var(--line);
      border-radius: 8px;
      padding: 14px 16px;
      min-width: 0;
    }
    h2 {
      font-size: 14px;
      margin: 0 0 2px;
      display: flex;
      justify-content: space-between;
      gap: 8px;
    }
    small,
    .quiet {
      color: var(--quiet);
      font-weight: normal;
    }
    .state {
      font-weight: 600;
      color: var(--good);
      white-space: nowrap;
    }
    .state.page {
      color: var(--bad);
    }
    .state.ticket {
      color: var(--warn);
    }
    .budget {
      font-size: 34px;
      line-height: 1.2;
      font-variant-numeric: tabular-nums;
    }
    table {
      width: 100%;
      border-collapse: collapse;
      font-variant-numeric: tabular-nums;
    }
    td {
      padding: 1px 0;
      white-space: nowrap;
    }
    td.bar {
      width: 40%;
      padding: 0 10px;
    }
    .budget small {
      font-size: 14px;
    }
    .track {
      height: 8px;
      background: var(--line);
      border-radius: 4px;
      position: relative;
      overflow: hidden;
    }
    .fill {
      height: 100%;
      background: var(--good);
    }
    .fill.over {
      background: var(--bad);
    }
    .fill.ticket.over {
      background: var(--warn);
    }
    td.number {
      text-align: right;
      padding-left: 8px;
    }
  `;

  declare slo: SloStatus | undefined;
  declare history: SloHistory | undefined;

  protected override render(): TemplateResult | typeof nothing {
    const { slo } = this;
    if (slo === undefined) return nothing;
    const firing = slo.windows.filter((window) => window.firing);
    const worst = firing.some(({ severity }) => severity === 'page') ? 'page' : firing.length > 0 ? 'ticket' : 'quiet';
    const words = { page: 'burning: paged', ticket: 'burning: ticket', quiet: 'holds' }[worst];
    return html`
      <h2>
        <span>${slo.displayName} <small>${slo.service}</small></span
        ><span class="state ${worst}">${words}</span>
      </h2>
      <div class="budget" style="color: ${slo.budgetRemaining < 0 ? 'var(--bad)' : 'inherit'}">
        ${percent(slo.budgetRemaining)}
        <small>of the error budget left</small>
      </div>
      <div class="quiet">
        ${slo.sli === null ? 'no events yet' : html`${percent(slo.sli, 3)} good of ${slo.total.toLocaleString('en')}`}
        in ${duration(slo.windowMs)}, promised ${percent(slo.target, 2)}${exhaustion(slo)}
      </div>
      <vigil-plot .data=${this.#burnDown()} .format=${(value: number) => percent(value, 0)} height="130"></vigil-plot>
      <table aria-label="burn rate by window pair">
        ${slo.windows.map(
          ({ severity, longMs, shortMs, factor, burnLong, burnShort }) => html`
            <tr title="alerts when both windows burn faster than ${factor}">
              <td class="quiet">${duration(longMs)} / ${duration(shortMs)}</td>
              <td class="bar">${bar(Math.min(burnLong, burnShort), factor, severity)}</td>
              <td class="number">${burnLong.toFixed(1)} / ${burnShort.toFixed(1)}</td>
              <td class="number quiet">over ${factor}: ${severity}</td>
            </tr>
          `,
        )}
      </table>
    `;
  }

  #burnDown(): PlotData | undefined {
    const points = this.history?.points;
    if (points === undefined || points.length === 0) return undefined;
    const last = points.length - 1;
    return {
      times: points.map(({ t }) => t / 1_000),
      lines: [
        { label: 'budget left', values: points.map((point) => point.budgetRemaining), colour: '--accent', width: 2 },
        {
          label: 'even spending',
          values: points.map((_, i) => 1 - i / last),
          colour: '--quiet',
          dash: [4, 4],
          width: 1,
        },
      ],
      bands: [],
    };
  }
}

/** When the budget ends at the present burn; of interest where that is sooner than its window. */
function exhaustion({ exhaustedAt, at, windowMs }: SloStatus): TemplateResult | string {
  if (exhaustedAt === null || Date.parse(exhaustedAt) - Date.parse(at) > windowMs) return '';
  return html`; spent at <b>${time(exhaustedAt)}</b> if it goes on so`;
}

function bar(burn: number, factor: number, severity: string): TemplateResult {
  const share = Math.min(1, burn / (factor * 1.5));
  return html`<div class="track">
    <div class="fill ${severity} ${burn > factor ? 'over' : ''}" style="width: ${share * 100}%"></div>
  </div>`;
}

customElements.define('slo-card', SloCard);
