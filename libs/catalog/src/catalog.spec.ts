import { describe, expect, it } from '@jest/globals';
import { Catalogue, durationMs, parseServices } from './index.js';

const service = (name: string, ...dependsOn: string[]): string => `
apiVersion: vigil/v1
kind: Service
metadata: { name: ${name} }
spec:
  owners: { operations: li, business: wang }
  tier: P0
  dependsOn: [${dependsOn.map((other) => `{ service: ${other} }`).join(', ')}]
`;

describe(parseServices.name, () => {
  it('reads several of a file, and a bad one spoils none of the others', () => {
    const bad = service('cart').replace('tier: P0', 'tier: P9');
    const { services, errors } = parseServices([service('shop', 'cart'), bad, service('cart')].join('---'), 'c.yaml');
    expect(services.map(({ name }) => name)).toEqual(['shop', 'cart']);
    expect(errors).toMatchObject([{ file: 'c.yaml', line: 15, path: 'spec.tier' }]);
  });

  it('refuses a name twice', () => {
    const { errors } = parseServices([service('a'), service('a')].join('---'), 'c.yaml');
    expect(errors).toMatchObject([{ path: 'metadata.name', message: "'a' is the name of two services" }]);
  });
});

describe(Catalogue.name, () => {
  it('knows who stands above a service, nearest first, in spite of circles', () => {
    const text = [service('web', 'shop'), service('shop', 'cart'), service('cart', 'db'), service('db', 'web')].join(
      '---',
    );
    const catalogue = new Catalogue(parseServices(text, 'c.yaml').services);
    expect(catalogue.dependants('db')).toEqual(['cart', 'shop', 'web']);
    expect(catalogue.find('cart')?.owners.business).toBe('wang');
  });
});

describe(durationMs.name, () => {
  it.each([
    { text: '1h30m', ms: 5_400_000 },
    { text: '250ms', ms: 250 },
    { text: '1 hour', ms: undefined },
    { text: '5', ms: undefined },
    { text: '', ms: undefined },
  ])('reads $text', ({ text, ms }) => expect(durationMs(text)).toBe(ms));
});
