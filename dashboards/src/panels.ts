import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  StackingConfigBuilder,
  StackingMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type DynamicConfigValue,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The user's Prometheus that scrapes Vigil's /metrics. */
export const datasource = { type: 'prometheus', uid: '${datasource}' };

export interface PanelSpec {
  readonly title: string;
  /** What it shows and how to read it. */
  readonly description: string;
  /** PromQL by legend. */
  readonly queries: readonly (readonly [legend: string, promql: string])[];
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  /** Of 24 columns. */
  readonly width?: number;
  readonly height?: number;
}

/** A dashboard of ours: same tags, refresh and data source in each. */
export function dashboard(uid: string, title: string, description: string): DashboardBuilder {
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['vigil'])
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));
}

const targets = ({ queries }: PanelSpec, instant = false): DataqueryBuilder[] =>
  queries.map(([legend, promql], index) => {
    const query = new DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + index))
      .datasource(datasource)
      .expr(promql)
      .legendFormat(legend);
    return instant ? query.instant() : query.range();
  });

export function lines(spec: PanelSpec): TimeseriesBuilder {
  const panel = new TimeseriesBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .targets(targets(spec))
    .unit(spec.unit ?? 'short')
    .span(spec.width ?? 12)
    .height(spec.height ?? 8)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .showPoints(VisibilityMode.Never)
    .axisPlacement(AxisPlacement.Left)
    .legend(new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).showLegend(true));
  if (spec.min !== undefined) panel.min(spec.min);
  if (spec.max !== undefined) panel.max(spec.max);
  return panel;
}

/** Amounts by step on top of each other. */
export function bars(spec: PanelSpec): TimeseriesBuilder {
  return lines(spec)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(60)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
}

/** `value` at or above a step has its colour. */
export type Step = readonly [value: number | null, color: string];

export function stat(spec: PanelSpec, steps: readonly Step[]): StatBuilder {
  return new StatBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .targets(targets(spec, true))
    .unit(spec.unit ?? 'short')
    .span(spec.width ?? 4)
    .height(spec.height ?? 4)
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps(steps.map(([value, color]) => ({ value, color }))),
    );
}

/** One row a series; each query is a column. */
export function table(
  spec: PanelSpec,
  hidden: readonly string[],
  renamed: Readonly<Record<string, string>>,
): TableBuilder {
  const queries = targets(spec, true).map((query) => query.format(PromQueryFormat.Table));
  return new TableBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .targets(queries)
    .unit(spec.unit ?? 'short')
    .span(spec.width ?? 24)
    .height(spec.height ?? 8)
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: Object.fromEntries(hidden.map((name) => [name, true])),
        renameByName: renamed,
      },
    });
}

/** The area between two lines of a panel, without legend entries of their own. */
export const band = (lower: string): DynamicConfigValue[] => [
  { id: 'custom.fillBelowTo', value: lower },
  { id: 'custom.lineWidth', value: 0 },
  { id: 'custom.fillOpacity', value: 15 },
  { id: 'color', value: { mode: 'fixed', fixedColor: 'blue' } },
];

/** A line to compare with rather than to read. */
export const dashed = (color: string): DynamicConfigValue[] => [
  { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } },
  { id: 'color', value: { mode: 'fixed', fixedColor: color } },
];
