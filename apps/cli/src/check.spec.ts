import { describe, expect, it } from '@jest/globals';
import { checkDocuments, checkKinds } from './check.js';

const service = 'apiVersion: vigil/v1\nkind: Service\nmetadata: { name: a }\n';

describe(checkDocuments.name, () => {
  it.each([
    { name: 'a service', text: `${service}spec: { tier: P0 }`, kind: undefined, path: 'spec.owners' },
    {
      name: 'a service in JSON',
      text: '{"apiVersion":"vigil/v1","kind":"Service"}',
      kind: undefined,
      path: 'metadata',
    },
    { name: 'a runbook', text: service.replace('Service', 'Runbook'), kind: undefined, path: 'spec' },
    { name: 'a watch', text: service.replace('Service', 'Watch'), kind: undefined, path: 'spec' },
    { name: 'an SLO', text: 'apiVersion: openslo/v1\nkind: SLO\n', kind: undefined, path: 'metadata' },
    { name: 'what --kind says, whatever it is', text: service, kind: 'runbook', path: 'kind' },
    { name: 'broken YAML', text: 'a: {', kind: undefined, path: '' },
  ])('tells what is wrong with $name', ({ text, kind, path }) => {
    expect(checkDocuments(text, 'f', kind).map((error) => error.path)).toContain(path);
  });

  it('names the kinds where it finds none', () => {
    const [error] = checkDocuments('a: 1', 'f');
    for (const kind of checkKinds) expect(error!.message).toContain(kind);
  });
});
