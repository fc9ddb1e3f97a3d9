import { css, type CSSResult, html, LitElement, type PropertyValues, type TemplateResult, unsafeCSS } from 'lit';
import { time } from './format.js';
import uPlot from 'uplot';
import plotCss from 'uplot/dist/uPlot.min.css';

export interface PlotLine {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** A CSS variable of the page. */
  readonly colour: string;
  readonly width?: number;
  readonly dash?: readonly number[];
  /** Dots instead of a line. */
  readonly dots?: boolean;
}

export interface PlotBand {
  /** Indexes of the upper and the lower line. */
  readonly between: readonly [number, number];
  readonly colour: string;
}

export interface PlotData {
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly PlotLine[];
  readonly bands: readonly PlotBand[];
}

/** A uPlot that follows its data, its width and the page's colours. */
export class VigilPlot extends LitElement {
  static override properties = { data: { attribute: false }, format: { attribute: false }, height: { type: Number } };
  static override styles: CSSResult[] = [
    unsafeCSS(plotCss),
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .u-legend {
        display: none;
      }
    `,
  ];

  declare data: PlotData | undefined;
  declare format: ((value: number) => string) | undefined;
  declare height: number;
  #plot: uPlot | undefined;
  #shape = '';
  readonly #resize = new ResizeObserver(() => this.#fit());
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)');
  readonly #recolour = (): void => {
    this.#shape = '';
    this.requestUpdate();
  };

  constructor() {
    super();
    this.height = 180;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize.observe(this);
    this.#scheme.addEventListener('change', this.#recolour);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    this.#scheme.removeEventListener('change', this.#recolour);
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#shape = '';
  }

  protected override render(): TemplateResult {
    return html`<div></div>`;
  }

  protected override updated(_changed: PropertyValues): void {
    const { data } = this;
    if (data === undefined) return;
    const aligned = [data.times, ...data.lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
    const shape = JSON.stringify([data.lines.map(({ label, colour }) => [label, colour]), data.bands]);
    if (shape !== this.#shape) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(data), aligned, this.renderRoot.querySelector('div')!);
      this.#shape = shape;
    } else this.#plot!.setData(aligned);
  }

  #fit(): void {
    this.#plot?.setSize({ width: this.clientWidth, height: this.height });
  }

  #options({ lines, bands }: PlotData): uPlot.Options {
    const page = getComputedStyle(this);
    const colour = (name: string): string => page.getPropertyValue(name).trim() || name;
    const axis = {
      stroke: colour('--quiet'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { stroke: colour('--line'), width: 1 },
    };
    return {
      width: this.clientWidth || 400,
      height: this.height,
      cursor: { drag: { x: false, y: false } },
      axes: [
        { ...axis, space: 80, values: (_plot, splits) => splits.map((at) => clockOf(at, splits)) },
        // Asked at each drawing: the unit may become known later than the values.
        { ...axis, size: 70, values: (_plot, splits) => splits.map((value) => this.format?.(value) ?? String(value)) },
      ],
      scales: { y: { range: (_plot, min, max) => padded(min, max) } },
      series: [
        {},
        ...lines.map(({ label, colour: name, width = 1.5, dash, dots = false }): uPlot.Series => ({
          label,
          ...(dots ? { paths: () => null } : {}),
          stroke: colour(name),
          width: dots ? 0 : width,
          ...(dash === undefined ? {} : { dash: [...dash] }),
          points: dots ? { show: true, size: 7, fill: colour(name), width: 0 } : { show: false },
        })),
      ],
      bands: bands.map(({ between: [upper, lower], colour: name }) => ({
        series: [upper + 1, lower + 1],
        fill: colour(name),
      })),
    };
  }
}

/** Hours and minutes; seconds too where the ticks are closer than a minute. */
function clockOf(atSeconds: number, ticks: readonly number[]): string {
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
  const text = time(atSeconds * 1_000);
  return step < 60 ? text : text.slice(0, 5);
}

/** Air above and below; a flat line stays in the middle. */
function padded(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const air = (max - min) * 0.08 || Math.abs(max) * 0.1 || 1;
  return [min >= 0 ? Math.max(0, min - air) : min - air, max + air];
}

customElements.define('vigil-plot', VigilPlot);
