import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serviceDetailSchema, serviceSchema } from '@vigil/contracts';
import { RunningVigil } from './lib/running-vigil.js';

const service = (name: string, dependsOn: string): string => `
apiVersion: vigil/v1
kind: Service
metadata: { name: ${name} }
spec: { owners: { operations: li, business: wang }, tier: P1, dependsOn: [${dependsOn}] }
`;

describe('the catalogue', () => {
  const running = new RunningVigil((folder) => {
    const path = join(folder, 'services.yaml');
    const bad = service('bad', '').replace('P1', 'P7');
    writeFileSync(
      path,
      [service('shop', '{ service: cart }'), bad, service('cart', '{ service: db, kind: stores }')].join('---'),
    );
    return { VIGIL_CATALOGUE: path };
  });
  beforeAll(() => running.start());
  afterAll(() => running.dispose());

  it('is served in pages, without what is wrong in it', async () => {
    const first = await running.get<{ items: unknown[]; nextCursor: string }>('/api/v1/services?limit=1');
    expect(first).toMatchObject({ nextCursor: 'cart' });
    const second = await running.get<{ items: unknown[]; nextCursor: null }>(
      `/api/v1/services?cursor=${first.nextCursor}`,
    );
    const names = [...first.items, ...second.items].map((item) => serviceSchema.parse(item).name);
    expect(names).toEqual(['cart', 'shop']);
    expect(second.nextCursor).toBeNull();
    expect(await (await running.fetch('/metrics')).text()).toMatch(/^vigil_catalogue_document_errors 1$/m);
  });

  it('knows who would feel it', async () => {
    const cart = serviceDetailSchema.parse(await running.get('/api/v1/services/cart'));
    expect(cart).toMatchObject({
      owners: { operations: 'li', business: 'wang' },
      dependsOn: [{ service: 'db', kind: 'stores' }],
      dependants: ['shop'],
      team: null,
    });
    expect(await running.get('/api/v1/services/till')).toMatchObject({
      status: 404,
      detail: "there is no service 'till'; there are: shop, cart",
    });
  });
});
