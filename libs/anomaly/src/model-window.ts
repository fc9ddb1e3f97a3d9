/** Values that the autoencoder looks at. */
export const modelWindow = 32;
const clip = 8;

/**
 * Writes a window centred on its median and scaled by its median absolute deviation (its standard deviation where most
 * values are equal), in 64 bits before it becomes 32; a constant window is all zeros.
 */
export function normaliseWindow(values: Float64Array, out: Float32Array, at = 0): void {
  const median = medianOf(values);
  const spread = 1.4826 * medianOf(values.map((value) => Math.abs(value - median)));
  const scale = spread > 0 ? spread : Math.sqrt(meanOf(values.map((value) => (value - median) ** 2)));
  for (let i = 0; i < values.length; i++) {
    const z = scale > 0 ? (values[i]! - median) / scale : 0;
    out[at + i] = Math.max(-clip, Math.min(clip, z));
  }
}

/** Root mean square of what the model did not reproduce of row `row`. */
export function reconstructionError(input: Float32Array, output: Float32Array, row: number): number {
  let sum = 0;
  for (let i = row * modelWindow; i < (row + 1) * modelWindow; i++) sum += (input[i]! - output[i]!) ** 2;
  return Math.sqrt(sum / modelWindow);
}

function medianOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
