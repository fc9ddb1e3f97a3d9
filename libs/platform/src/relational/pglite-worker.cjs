/**
 * PGlite in a thread of its own: 10,000 rows would stall the event loop for 150 ms. One session, queries in order.
 * Plain CommonJS, so that it runs as it stands both from sources (jest) and from dist.
 */
const { parentPort, workerData } = require('node:worker_threads');

const ready = import(workerData.pglite).then(({ PGlite }) => PGlite.create({ dataDir: workerData.dataDir }));

ready.then(
  () => parentPort.postMessage({ id: 0 }),
  (error) => parentPort.postMessage({ id: 0, error: { message: String(error && error.message) } }),
);

async function answer({ id, sql, params, close }) {
  try {
    const db = await ready;
    if (close) {
      await db.close();
      parentPort.postMessage({ id });
      parentPort.close();
      return;
    }
    const result = params && params.length > 0 ? await db.query(sql, params) : (await db.exec(sql)).at(-1);
    parentPort.postMessage({ id, rows: result?.rows ?? [], affected: result?.affectedRows ?? 0 });
  } catch (error) {
    const { message, code, detail, constraint, table } = error;
    parentPort.postMessage({ id, error: { message, code, detail, constraint, table } });
  }
}

let queue = Promise.resolve();
parentPort.on('message', (message) => {
  queue = queue.then(() => answer(message));
});
