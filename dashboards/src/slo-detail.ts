import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import * as dashboards from '@grafana/grafana-foundation-sdk/dashboard';
import { band, bars, dashboard, dashed, datasource, lines, stat } from './panels.js';

/** One SLO: how its budget goes, why, and what was done about it. */
export function sloDetail(): Dashboard {
  const of = 'slo="$slo"';
  return dashboard('vigil-slo', 'Vigil: one SLO', 'Budget, burn, events, anomalies and actions of one SLO')
    .withVariable(
      new dashboards.QueryVariableBuilder('slo')
        .label('SLO')
        .datasource(datasource)
        .query('label_values(vigil_slo_objective_ratio, slo)')
        .refresh(dashboards.VariableRefresh.OnTimeRangeChanged)
        .sort(dashboards.VariableSort.AlphabeticalAsc),
    )
    .withVariable(
      new dashboards.QueryVariableBuilder('service')
        .label('Its service')
        .hide(dashboards.VariableHide.HideVariable)
        .datasource(datasource)
        .query('label_values(vigil_slo_objective_ratio{slo="$slo"}, service)')
        .refresh(dashboards.VariableRefresh.OnTimeRangeChanged),
    )
    .withPanel(
      stat(
        {
          title: 'Budget left',
          description: '100 % untouched, 0 % spent, below it overspent.',
          queries: [['budget', `vigil_slo_error_budget_remaining_ratio{${of}}`]],
          unit: 'percentunit',
        },
        [
          [null, 'red'],
          [0, 'orange'],
          [0.25, 'green'],
        ],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Objective',
          description: 'Share of good events promised.',
          queries: [['objective', `vigil_slo_objective_ratio{${of}}`]],
          unit: 'percentunit',
        },
        [[null, 'blue']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'SLI',
          description: 'Share of good events in the window.',
          queries: [['sli', `vigil_slo_window_good_events{${of}} / (vigil_slo_window_events{${of}} > 0)`]],
          unit: 'percentunit',
        },
        [[null, 'blue']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Fastest burn',
          description: 'Over the short windows; 1 spends exactly the budget.',
          queries: [['burn', `max(vigil_slo_burn_rate{range="short",${of}})`]],
        },
        [
          [null, 'green'],
          [1, 'orange'],
          [14.4, 'red'],
        ],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Window',
          description: 'Over which the promise is kept.',
          queries: [['window', `vigil_slo_window_seconds{${of}}`]],
          unit: 's',
        },
        [[null, 'blue']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Alerts',
          description: 'Window pairs of this SLO that fire.',
          queries: [['firing', `sum(vigil_slo_burn_firing{${of}})`]],
        },
        [
          [null, 'green'],
          [1, 'red'],
        ],
      ),
    )
    .withPanel(
      lines({
        title: 'Burn-down',
        description:
          'Budget left, and the line of a budget that is spent evenly over one window from the left edge on: above it there is room.',
        queries: [
          ['budget left', `vigil_slo_error_budget_remaining_ratio{${of}}`],
          ['ideal', `clamp_min(1 - (time() - $__from / 1000) / vigil_slo_window_seconds{${of}}, 0)`],
        ],
        unit: 'percentunit',
        max: 1,
        width: 24,
      }).overrideByName('ideal', dashed('text')),
    )
    .withPanel(
      lines({
        title: 'Burn',
        description:
          'Long windows say that it matters, short ones that it goes on. A pair fires when both are too fast.',
        queries: [['{{window}} {{range}}', `vigil_slo_burn_rate{${of}}`]],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Good and total',
        description: 'Events in the SLO window.',
        queries: [
          ['total', `vigil_slo_window_events{${of}}`],
          ['good', `vigil_slo_window_good_events{${of}}`],
        ],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Latency',
        description: "Watches of the SLO's service whose name says latency, and what was expected.",
        queries: [
          ['{{watch}} {{series}}', 'vigil_anomaly_value{service=~"$service",watch=~".*latency.*"}'],
          ['expected {{watch}} {{series}}', 'vigil_anomaly_expected{service=~"$service",watch=~".*latency.*"}'],
        ],
      }).overrideByRegexp('/^expected/', dashed('text')),
    )
    .withPanel(
      lines({
        title: 'Anomalies',
        description: 'Watched values with the band that they were expected in; the higher the score, the stranger.',
        queries: [
          ['value {{watch}}', 'avg by (watch) (vigil_anomaly_value{service=~"$service"})'],
          ['upper {{watch}}', 'avg by (watch) (vigil_anomaly_upper{service=~"$service"})'],
          ['lower {{watch}}', 'avg by (watch) (vigil_anomaly_lower{service=~"$service"})'],
        ],
      })
        .overrideByRegexp('/^upper/', band('lower'))
        .overrideByRegexp('/^lower/', dashed('blue')),
    )
    .withPanel(
      lines({
        title: 'Anomaly score',
        description: 'By series; where a detector fires the line of its watch is at 1.',
        queries: [
          ['{{watch}} {{series}}', 'vigil_anomaly_score{service=~"$service"}'],
          ['firing {{watch}}', 'max by (watch) (vigil_anomaly_firing{service=~"$service"})'],
        ],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Alerts that fire',
        description: 'Window pairs of this SLO, and all open alerts.',
        queries: [
          ['{{window}} ({{severity}})', `vigil_slo_burn_firing{${of}}`],
          ['all open alerts', 'sum(vigil_alerts)'],
        ],
        min: 0,
      }),
    )
    .withPanel(
      bars({
        title: 'Actions',
        description: 'Runs of healing by how they ended, of every service.',
        queries: [
          [
            '{{runbook}} {{outcome}}',
            'sum by (runbook, outcome) (increase(vigil_remediation_runs_total[$__rate_interval]))',
          ],
          ['held back: {{guard}}', 'sum by (guard) (increase(vigil_remediation_refused_total[$__rate_interval]))'],
        ],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Replicas advised',
        description: "What the forecast of the service's demand asks for.",
        queries: [
          ['replicas', 'vigil_forecast_replicas{service=~"$service"}'],
          ['demand at most', 'vigil_forecast_demand_peak{service=~"$service"}'],
        ],
        min: 0,
      }),
    )
    .build();
}
