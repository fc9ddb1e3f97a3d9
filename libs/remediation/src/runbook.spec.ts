import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRunbooks } from './runbook.js';
import { renderBody, renderHeader, renderText, renderUrl, TemplateError } from './template.js';

const runbook = (spec: string, name = 'scale-checkout'): string =>
  `apiVersion: vigil/v1\nkind: Runbook\nmetadata: { name: ${name} }\nspec:\n${spec.replace(/^/gm, '  ')}\n`;
const match = 'match: { labels: { service: checkout } }';
const scale = 'steps: [{ scale: { group: checkout, replicas: { by: 1 }, max: 5 } }]';

describe(parseRunbooks.name, () => {
  it('reads a runbook, and does nothing for real until told so', () => {
    const text = runbook(
      `match: { kinds: [burn], labels: { service: checkout }, patterns: { slo: 'checkout-.*' } }
cooldown: 10m
steps:
  - scale: { group: checkout, replicas: recommended, max: 8, fallback: { by: 2 } }
    timeout: 20s
verify: { within: 5m, quietFor: 20s }
rollback: [{ scale: { group: checkout, replicas: before, max: 8 } }]`,
    );
    const { runbooks, errors } = parseRunbooks(text, 'r.yaml');
    expect(errors).toEqual([]);
    expect(runbooks).toMatchObject([
      {
        name: 'scale-checkout',
        dryRun: true,
        group: 'checkout',
        kinds: ['burn'],
        cooldownMs: 600_000,
        maxRunsPerHour: 4,
        matchers: [
          { name: 'service', op: '=', value: 'checkout' },
          { name: 'slo', op: '=~', value: 'checkout-.*' },
        ],
        steps: [{ kind: 'scale', replicas: 'recommended', fallback: { by: 2 }, min: 1, timeoutMs: 20_000, retries: 2 }],
        verify: { slo: undefined, withinMs: 300_000, quietForMs: 20_000 },
        rollback: [{ kind: 'scale', replicas: 'before' }],
      },
    ]);
  });

  it.each([
    {
      name: 'no matcher',
      spec: `match: { kinds: [burn] }\n${scale}`,
      line: 5,
      path: 'spec.match',
      says: 'matches every',
    },
    { name: 'a pattern for all', spec: `match: { patterns: { slo: '.*' } }\n${scale}`, path: 'spec.match', line: 5 },
    {
      name: 'a bad pattern',
      spec: `match: { patterns: { slo: '(' } }\n${scale}`,
      path: 'spec.match.patterns',
      line: 5,
    },
    { name: 'no step', spec: `${match}\nsteps: []`, path: 'spec.steps', line: 6 },
    {
      name: 'two kinds in a step',
      spec: `${match}\nsteps: [{ restart: { group: a, which: all }, http: { url: 'http://a/' } }]`,
      path: 'spec.steps[0]',
      line: 6,
    },
    {
      name: 'two groups',
      spec: `${match}\nsteps:\n- restart: { group: a, which: all }\n- restart: { group: b, which: all }`,
      path: 'spec.steps',
      says: "'a' and 'b'",
      line: 7,
    },
    {
      name: "'before' outside of a rollback",
      spec: `${match}\nsteps: [{ scale: { group: a, replicas: before, max: 2 } }]`,
      path: 'spec.steps',
      line: 6,
    },
    { name: 'no upper bound', spec: `${match}\nsteps: [{ scale: { group: a, replicas: 2 } }]`, line: 6 },
    {
      name: 'a host from the alert',
      spec: `${match}\nsteps: [{ http: { url: 'http://{{ labels.host }}/x' } }]`,
      path: 'spec.steps[0].http.url',
      says: 'a fixed host',
      line: 6,
    },
    {
      name: 'a host that a value would continue',
      spec: `${match}\nsteps: [{ http: { url: 'http://hooks{{ labels.host }}/x' } }]`,
      path: 'spec.steps[0].http.url',
      line: 6,
    },
    {
      name: 'another placeholder',
      spec: `${match}\nsteps: [{ http: { url: 'http://a/', body: { x: '{{ env.HOME }}' } } }]`,
      path: 'spec.steps[0].http.body',
      says: '{{ env.HOME }}',
      line: 6,
    },
    {
      name: 'a header that Vigil sets',
      spec: `${match}\nsteps: [{ http: { url: 'http://a/', headers: { Host: b } } }]`,
      path: 'spec.steps[0].http.headers.Host',
      line: 6,
    },
    { name: 'an unknown field', spec: `${match}\n${scale}\nretry: 3`, path: 'spec', says: 'retry', line: 5 },
  ])('refuses $name, with its place, and keeps the others', ({ spec, path, says, line }) => {
    const { runbooks, errors } = parseRunbooks(
      [runbook(spec), runbook(`${match}\n${scale}`, 'other')].join('---\n'),
      'r.yaml',
    );
    expect(runbooks.map(({ name }) => name)).toEqual(['other']);
    expect(errors[0]).toMatchObject({ file: 'r.yaml', line, ...(path === undefined ? {} : { path }) });
    if (says !== undefined) expect(errors[0]!.message).toContain(says);
  });
});

describe('a template', () => {
  it('keeps any value within its place in a URL, and sends it whole', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (value) => {
        let url: URL;
        try {
          url = new URL(renderUrl('http://hooks.test/scale/{{ labels.v }}/now?by={{labels.v}}#f', { v: value }));
        } catch (error) {
          // '.' and '..' climb; a lone surrogate is no text.
          expect(error).toBeInstanceOf(value === '.' || value === '..' ? TemplateError : URIError);
          return;
        }
        expect(url.host).toBe('hooks.test');
        expect(url.pathname.split('/')).toHaveLength(4);
        expect(decodeURIComponent(url.pathname.split('/')[2]!)).toBe(value);
        expect([...url.searchParams]).toEqual([['by', value]]);
        expect(url.hash).toBe('#f');
      }),
      { examples: [['..'], ['.'], ['a/../b'], ['%2e%2e'], ['@evil/'], ['\\']] },
    );
  });

  it('keeps any value a string of its JSON body', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (v) => {
        expect(JSON.parse(renderBody('{"to": "<{{ labels.v }}>"}', { v }))).toEqual({ to: `<${v}>` });
        expect(JSON.parse(renderBody({ to: ['{{ labels.v }}', 3] }, { v }))).toEqual({ to: [v, 3] });
      }),
    );
  });

  it('refuses a header that would end, and a label that is not there', () => {
    expect(() => renderHeader('{{ labels.v }}', { v: 'a\r\nx: y' })).toThrow(TemplateError);
    expect(() => renderText('{{ labels.instance }}', {})).toThrow("the alert has no label 'instance'");
  });
});
