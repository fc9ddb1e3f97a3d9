import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import * as dashboards from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, datasource, lines, stat, table } from './panels.js';

const good = (min: number | null = null): readonly [number | null, string] => [min, 'green'];

/** Every SLO at a glance: which burn, what is left, and of whose service. */
export function sloOverview(): Dashboard {
  const of = 'service=~"$service"';
  return dashboard('vigil-slos', 'Vigil: SLOs', 'State, error budget and burn of every SLO, by service')
    .withVariable(
      new dashboards.QueryVariableBuilder('service')
        .label('Service')
        .datasource(datasource)
        .query('label_values(vigil_slo_objective_ratio, service)')
        .refresh(dashboards.VariableRefresh.OnTimeRangeChanged)
        .includeAll(true)
        .allValue('.*')
        .multi(true)
        .current({ text: 'All', value: '$__all' }),
    )
    .withPanel(
      stat(
        {
          title: 'SLOs that page',
          description: 'SLOs of which a pair of windows with severity page burns too fast at present.',
          queries: [['paging', `count(max by (slo) (vigil_slo_burn_firing{severity="page",${of}}) == 1) or vector(0)`]],
        },
        [good(), [1, 'red']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'SLOs with a ticket',
          description: 'SLOs of which a slow pair of windows burns too fast at present.',
          queries: [
            ['tickets', `count(max by (slo) (vigil_slo_burn_firing{severity="ticket",${of}}) == 1) or vector(0)`],
          ],
        },
        [good(), [1, 'orange']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Overspent',
          description: 'SLOs whose error budget is spent.',
          queries: [['overspent', `count(vigil_slo_error_budget_remaining_ratio{${of}} <= 0) or vector(0)`]],
        },
        [good(), [1, 'red']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Least budget left',
          description: 'The SLO that is worst off: 100 % untouched, 0 % spent.',
          queries: [['least', `min(vigil_slo_error_budget_remaining_ratio{${of}})`]],
          unit: 'percentunit',
        },
        [[null, 'red'], [0, 'orange'], good(0.25)],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Open alerts',
          description: 'Alerts of every kind that fire at present.',
          queries: [['alerts', 'sum(vigil_alerts)']],
        },
        [good(), [1, 'orange']],
      ),
    )
    .withPanel(
      stat(
        {
          title: 'Actions under way',
          description: 'Runs of healing that act or wait to see whether it helped.',
          queries: [['running', 'sum(vigil_remediation_running)']],
        },
        [good(), [1, 'blue']],
      ),
    )
    .withPanel(
      table(
        {
          title: 'SLOs',
          description: 'Promise, what happened in the window, and what is left. Burn 1 spends exactly the budget.',
          queries: [
            ['objective', `vigil_slo_objective_ratio{${of}}`],
            ['sli', `vigil_slo_window_good_events{${of}} / (vigil_slo_window_events{${of}} > 0)`],
            ['budget', `vigil_slo_error_budget_remaining_ratio{${of}}`],
            ['burn', `max by (slo, service) (vigil_slo_burn_rate{range="short",${of}})`],
            ['firing', `max by (slo, service) (vigil_slo_burn_firing{${of}})`],
          ],
          height: 9,
        },
        ['Time', '__name__', 'instance', 'job'],
        {
          slo: 'SLO',
          service: 'Service',
          'Value #A': 'Objective',
          'Value #B': 'SLI',
          'Value #C': 'Budget left',
          'Value #D': 'Fastest burn',
          'Value #E': 'Firing',
        },
      ),
    )
    .withPanel(
      lines({
        title: 'Error budget left',
        description: '100 % untouched, 0 % spent, below it overspent.',
        queries: [['{{slo}}', `vigil_slo_error_budget_remaining_ratio{${of}}`]],
        unit: 'percentunit',
        max: 1,
        width: 24,
      }),
    )
    .withPanel(
      lines({
        title: 'Burn, long windows',
        description: 'How many times faster than allowed the budget is spent: what matters.',
        queries: [['{{slo}} {{window}}', `vigil_slo_burn_rate{range="long",${of}}`]],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Burn, short windows',
        description: 'The same over the short windows: whether it goes on.',
        queries: [['{{slo}} {{window}}', `vigil_slo_burn_rate{range="short",${of}}`]],
        min: 0,
      }),
    )
    .withPanel(
      lines({
        title: 'Least budget left by service',
        description: 'The worst SLO of each service.',
        queries: [['{{service}}', `min by (service) (vigil_slo_error_budget_remaining_ratio{${of}})`]],
        unit: 'percentunit',
        max: 1,
        width: 24,
      }),
    )
    .build();
}
