import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards, dashboardText } from './dashboards.js';

/** `npm run dashboards`: writes dashboards/*.json; run from the repository's root. */
for (const [file, make] of Object.entries(dashboards)) {
  const path = join('dashboards', file);
  writeFileSync(path, dashboardText(make()));
  console.log(path);
}
