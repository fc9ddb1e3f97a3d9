import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parser } from '@prometheus-io/lezer-promql';
import { dashboards, dashboardText } from './dashboards.js';
import { servedMetrics } from './metrics.js';

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly gridPos: { x: number; y: number; w: number; h: number };
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}

const folder = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const filled = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '1m').replaceAll('$__from', '0').replaceAll(/\$\w+/g, 'x');

/** Names of the metrics of an expression. @throws for one that does not parse. */
function metricsOf(expr: string): string[] {
  const text = filled(expr);
  const names: string[] = [];
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) throw new Error(`no PromQL at ${from}: ${text}`);
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') names.push(text.slice(from, to));
    },
  });
  return names;
}

const all = Object.entries(dashboards).map(([file, make]) => {
  const dashboard = make() as unknown as { uid: string; panels: Panel[]; templating: { list: { name: string }[] } };
  return { file, make, dashboard };
});

describe('the dashboards', () => {
  it('lie in the folder as the code writes them (npm run dashboards)', () => {
    expect(
      readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort(),
    ).toEqual(Object.keys(dashboards).sort());
    for (const { file, make } of all) expect(readFileSync(join(folder, file), 'utf8')).toBe(dashboardText(make()));
  });

  it.each(all)(
    '$file: each panel is explained, asks something that is PromQL, of metrics that Vigil serves',
    ({ dashboard }) => {
      for (const { title, description, targets } of dashboard.panels) {
        expect(description).not.toBe('');
        expect(targets.length).toBeGreaterThan(0);
        expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
        for (const { expr } of targets) {
          const names = metricsOf(expr);
          expect([title, names.length > 0]).toEqual([title, true]);
          for (const name of names) expect(servedMetrics).toContain(name);
        }
      }
    },
  );

  it.each(all)('$file: variables that are used are there, and no panel covers another', ({ dashboard }) => {
    const known = new Set(['datasource', ...dashboard.templating.list.map(({ name }) => name)]);
    for (const { targets } of dashboard.panels) {
      for (const [, name] of targets
        .map(({ expr }) => expr)
        .join(' ')
        .matchAll(/\$(\w+)/g))
        expect(name!.startsWith('__') || known.has(name!)).toBe(true);
    }
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  it('show every metric that they list', () => {
    const shown = new Set(
      all.flatMap(({ dashboard }) =>
        dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr))),
      ),
    );
    expect(servedMetrics.filter((name) => !shown.has(name))).toEqual([]);
  });
});
