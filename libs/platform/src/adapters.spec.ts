import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLog } from './log/embedded-log.js';
import { openEnvironment } from './log/lmdb-environment.js';
import { RelationalStore } from './relational/relational-store.js';
import { LmdbStateStore } from './state/lmdb-state-store.js';
import { logContract } from './testing/log-contract.js';
import { relationalContract } from './testing/relational-contract.js';
import { stateContract } from './testing/state-contract.js';

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'vigil-'));

logContract('EmbeddedLog', async () => {
  const path = await folder();
  return {
    async open() {
      const environment = openEnvironment(path);
      const log = new EmbeddedLog(environment, { maxBytes: 2 ** 30, keepMs: 0, now: () => Date.now() });
      const close = log.close.bind(log);
      log.close = async () => {
        await close();
        await environment.close();
      };
      return log;
    },
    topic: () => 't',
    dispose: () => rm(path, { recursive: true }),
  };
});

stateContract('LmdbStateStore', async () => {
  const path = await folder();
  const environment = openEnvironment(path);
  return {
    store: new LmdbStateStore(environment),
    async close() {
      await environment.close();
      await rm(path, { recursive: true });
    },
  };
});

relationalContract('PGlite', () => RelationalStore.open({ dataDir: undefined }));
