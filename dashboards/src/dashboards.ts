import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { sloDetail } from './slo-detail.js';
import { sloOverview } from './slo-overview.js';
import { vigilItself } from './vigil-itself.js';

/** Every dashboard by the name of its file. */
export const dashboards: Readonly<Record<string, () => Dashboard>> = {
  'slo-overview.json': sloOverview,
  'slo-detail.json': sloDetail,
  'vigil-itself.json': vigilItself,
};

/** As it lies in the repository: Grafana imports it as it is. */
export function dashboardText(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
