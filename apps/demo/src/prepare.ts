import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '@vigil/platform';
import { DemoControl } from './control.js';

const documents = join(dirname(fileURLToPath(import.meta.url)), '..', 'documents');

/** What the demo brings: its control, and settings that name its documents. */
export interface PreparedDemo {
  readonly control: DemoControl;
  readonly settings: Settings;
}

/** Opens the demo's control and pager, and points Vigil at the shop's documents. */
export async function prepareDemo(settings: Settings): Promise<PreparedDemo> {
  const control = await DemoControl.listen();
  const folder = join(settings.dataDir, 'demo');
  mkdirSync(folder, { recursive: true });
  const alerting = join(folder, 'alerting.yaml');
  writeFileSync(alerting, alertingConfig(control.url));
  const { paths } = settings;
  return {
    control,
    settings: {
      ...settings,
      paths: {
        slos: paths.slos ?? join(documents, 'slos'),
        watches: paths.watches ?? join(documents, 'watches'),
        runbooks: paths.runbooks ?? join(documents, 'runbooks'),
        catalogue: paths.catalogue ?? join(documents, 'catalogue'),
        alerting: paths.alerting ?? alerting,
      },
    },
  };
}

const alertingConfig = (
  url: string,
): string => `# Written at each start of the demo: its pager listens on another port each time.
route: { receiver: pager, group_by: [alertname, service], group_wait: 0s, group_interval: 2s, repeat_interval: 10m }
receivers: [{ name: pager, webhook_configs: [{ url: '${url}/pager' }] }]
`;
