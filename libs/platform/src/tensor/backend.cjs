/**
 * Picks a TensorFlow backend once: native where it is installed, else WebAssembly, else plain JavaScript. CommonJS, so that
 * the worker runs it as it stands both from sources (jest) and from dist.
 */
const { dirname } = require('node:path');

const firstLine = (error) => String((error && error.message) || error).split('\n')[0];

/** @returns {Promise<{tf: object, backend: 'tfjs-node' | 'wasm' | 'cpu', reason: string}>} */
async function pickBackend() {
  let native;
  try {
    const tf = require('@tensorflow/tfjs-node');
    await tf.ready();
    return { tf, backend: 'tfjs-node', reason: '@tensorflow/tfjs-node is installed' };
  } catch (error) {
    native =
      error && error.code === 'MODULE_NOT_FOUND'
        ? '@tensorflow/tfjs-node is not installed'
        : `@tensorflow/tfjs-node does not load: ${firstLine(error)}`;
  }
  const tf = require('@tensorflow/tfjs');
  let wasm;
  try {
    const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
    await tf.setBackend('wasm');
    // setBackend falls back to cpu without a word.
    if (tf.getBackend() === 'wasm') {
      multiplyPlainly(tf);
      return { tf, backend: 'wasm', reason: native };
    }
    wasm = 'wasm did not start';
  } catch (error) {
    wasm = `wasm does not load: ${firstLine(error)}`;
  }
  await tf.setBackend('cpu');
  return { tf, backend: 'cpu', reason: `${native}; ${wasm}` };
}

/**
 * On wasm a product with a transposed operand (every gradient of a dense layer) is 12 to 18 times slower than transposing
 * first and multiplying then.
 */
function multiplyPlainly(tf) {
  const original = tf.getKernel('BatchMatMul', 'wasm');
  const transpose = tf.getKernel('Transpose', 'wasm');
  if (original === undefined || transpose === undefined) return;
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    ...original,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { transposeA, transposeB } = attrs;
      const swapped = (x) => {
        const perm = x.shape.map((_, i) => i);
        perm.push(...perm.splice(-2).reverse());
        return transpose.kernelFunc({ inputs: { x }, backend, attrs: { perm } });
      };
      const a = transposeA ? swapped(inputs.a) : inputs.a;
      const b = transposeB ? swapped(inputs.b) : inputs.b;
      const product = original.kernelFunc({
        inputs: { ...inputs, a, b },
        backend,
        attrs: { ...attrs, transposeA: false, transposeB: false },
      });
      if (transposeA) backend.disposeData(a.dataId);
      if (transposeB) backend.disposeData(b.dataId);
      return product;
    },
  });
}

module.exports = { pickBackend };
