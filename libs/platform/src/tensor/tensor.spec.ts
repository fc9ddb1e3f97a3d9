import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { modelWindow, normaliseWindow, reconstructionError } from '@vigil/anomaly';
import { TensorWorker } from './tensor.js';

describe(TensorWorker.name, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-tensor-'));
  const tensor = new TensorWorker();
  afterAll(async () => {
    await tensor.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says what it runs on, and why', async () => {
    const { backend, reason } = await tensor.backend();
    expect(['tfjs-node', 'wasm']).toContain(backend);
    expect(reason).toMatch(/@tensorflow\/tfjs-node/);
  });

  it('runs the shipped autoencoder over many windows at once: strange ones stand out', async () => {
    const model = await tensor.load('models/autoencoder', modelWindow);
    const windows = [
      Float64Array.from({ length: modelWindow }, (_, t) => 100 + 50 * Math.sin((t * 2 * Math.PI) / 300)),
      Float64Array.from({ length: modelWindow }, () => 4),
      Float64Array.from({ length: modelWindow }, (_, t) => 10 + (t % 3) + (t > 10 && t < 15 ? (t % 2) * 400 : 0)),
    ];
    const input = new Float32Array(windows.length * modelWindow);
    windows.forEach((window, row) => normaliseWindow(window, input, row * modelWindow));
    const output = await model.predict(input, windows.length);
    const [smooth, constant, strange] = windows.map((_, row) => reconstructionError(input, output, row));
    expect(smooth).toBeLessThan(0.5);
    expect(constant).toBeLessThan(0.5);
    expect(strange).toBeGreaterThan(1.5);
    await expect(tensor.load(join(folder, 'nothing'), modelWindow)).rejects.toThrow(/model\.json/);
  });

  it('tells why nothing runs where TensorFlow does not load, and rejects in words', async () => {
    const script = join(folder, 'broken.cjs');
    writeFileSync(script, "throw new Error('no such library');");
    const broken = new TensorWorker(script);
    expect(await broken.backend()).toEqual({ backend: 'none', reason: 'no such library' });
    await expect(broken.load('models/autoencoder', modelWindow)).rejects.toThrow('no such library');
    await broken.close();
  });
});
