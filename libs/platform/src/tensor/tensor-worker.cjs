/** TensorFlow in a thread of its own: loading it and running models leave the event loop free. Requests in order. */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { parentPort } = require('node:worker_threads');
const { pickBackend } = require('./backend.cjs');

const picked = pickBackend();
const models = [];

async function load(folder) {
  const { tf } = await picked;
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const { paths, weights: weightSpecs } = weightsManifest[0];
  const bytes = Buffer.concat(paths.map((path) => readFileSync(join(folder, path))));
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const model = await tf.loadLayersModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
  return models.push(model) - 1;
}

async function predict({ model, rows, width, values }) {
  const { tf } = await picked;
  const output = tf.tidy(() => models[model].predict(tf.tensor2d(values, [rows, width])));
  const result = await output.data();
  output.dispose();
  return Float32Array.from(result);
}

let last = Promise.resolve();
parentPort.on('message', ({ id, folder, input }) => {
  last = last.then(async () => {
    try {
      const value = folder !== undefined ? await load(folder) : await predict(input);
      parentPort.postMessage({ id, value });
    } catch (error) {
      parentPort.postMessage({ id, error: String((error && error.message) || error) });
    }
  });
});

picked.then(
  ({ backend, reason }) => parentPort.postMessage({ id: 0, value: { backend, reason } }),
  (error) => parentPort.postMessage({ id: 0, error: String((error && error.message) || error) }),
);
