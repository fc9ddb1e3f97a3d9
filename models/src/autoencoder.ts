import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import type * as TensorFlow from '@tensorflow/tfjs';
import { healthyShapes, modelWindow, normaliseWindow, reconstructionError, seeded } from '@vigil/anomaly';

interface Options {
  readonly seed: number;
  readonly epochs: number;
  readonly shared: string;
  readonly out: string;
  readonly say: (line: string) => void;
}

interface Series {
  readonly name: string;
  readonly values: Float64Array;
}

interface Windows {
  readonly rows: number;
  readonly values: Float32Array;
}

const windowsPerSeries = 400;
const syntheticSeries = 28;
const batch = 256;

const { pickBackend } = createRequire(import.meta.url)('../../libs/platform/src/tensor/backend.cjs') as {
  pickBackend(): Promise<{ tf: typeof TensorFlow; backend: string; reason: string }>;
};

/**
 * Trains a small dense autoencoder on windows of many series and writes it with its card. One series in five is kept aside
 * for the validation error and the quantiles that scores are calibrated by.
 */
export async function trainAutoencoder({ seed, epochs, shared, out, say }: Options): Promise<void> {
  const { tf, backend, reason } = await pickBackend();
  say(`backend ${backend} (${reason})`);
  const random = seeded(seed);
  const { training, validation, counts } = sampleWindows(shared, random);
  say(`${training.rows} windows to train on, ${validation.rows} to validate, of ${JSON.stringify(counts)} series`);
  const model = network(tf, seed);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const windows = shuffled(training, random);
    const x = tf.tensor2d(windows.values, [windows.rows, modelWindow]);
    const { history } = await model.fit(x, x, { epochs: 1, batchSize: batch, shuffle: false, verbose: 0 });
    x.dispose();
    const errors = await errorsOf(tf, model, validation);
    say(`epoch ${epoch}: loss ${Number(history['loss']![0]).toFixed(4)}, validation ${rms(errors).toFixed(4)}`);
  }
  const errors = (await errorsOf(tf, model, validation)).sort();
  const quantile = (q: number): number => Number(errors[Math.floor(q * (errors.length - 1))]!.toPrecision(6));
  const card = {
    version: `autoencoder-1-seed${seed}`,
    window: modelWindow,
    data: 'numenta/NAB and microsoft/cloud-monitoring-dataset (both MIT; development halves), and seeded synthetic series',
    series: counts,
    windows: training.rows,
    epochs,
    validationError: Number(rms(errors).toPrecision(6)),
    errorQuantiles: { p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999) },
    command: `npm run train -- autoencoder --seed ${seed} --epochs ${epochs}`,
    backend,
    date: new Date().toISOString().slice(0, 10),
  };
  await save(model, out, card);
  say(JSON.stringify(card));
}

function network(tf: typeof TensorFlow, seed: number): TensorFlow.Sequential {
  const dense = (units: number, i: number, rest: object = {}): TensorFlow.layers.Layer =>
    tf.layers.dense({
      units,
      kernelInitializer: tf.initializers.glorotUniform({ seed: seed * 10 + i }),
      ...(i === 4 ? {} : { activation: 'tanh' }),
      ...rest,
    });
  const model = tf.sequential({
    layers: [dense(16, 1, { inputShape: [modelWindow] }), dense(6, 2), dense(16, 3), dense(modelWindow, 4)],
  });
  model.compile({ optimizer: tf.train.adam(0.003), loss: 'meanSquaredError' });
  return model;
}

function sampleWindows(
  shared: string,
  random: () => number,
): { training: Windows; validation: Windows; counts: Record<string, number> } {
  const sets = {
    nab: csvSeries(join(shared, 'data', 'nab')),
    mscloud: csvSeries(join(shared, 'data', 'mscloud')),
    synthetic: synthetic(random),
  };
  const all = Object.values(sets).flat();
  const parts = { training: [] as Float64Array[], validation: [] as Float64Array[] };
  all.forEach(({ values }, i) => {
    const part = i % 5 === 4 ? parts.validation : parts.training;
    for (let n = 0; n < windowsPerSeries; n++) {
      const at = Math.floor(random() * (values.length - modelWindow));
      part.push(values.subarray(at, at + modelWindow));
    }
  });
  return {
    training: packed(parts.training),
    validation: packed(parts.validation),
    counts: Object.fromEntries(Object.entries(sets).map(([name, series]) => [name, series.length])),
  };
}

function csvSeries(folder: string): Series[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.csv'))
    .sort()
    .map((file) => ({
      name: basename(file),
      values: Float64Array.from(
        readFileSync(join(folder, file), 'utf8')
          .trim()
          .split('\n')
          .slice(1)
          .map((row) => Number(row.split(',')[1]))
          .filter(Number.isFinite),
      ),
    }))
    .filter(({ values }) => values.length > 10 * modelWindow);
}

function synthetic(random: () => number): Series[] {
  const shapes = Object.entries(healthyShapes);
  return Array.from({ length: syntheticSeries }, (_, i) => {
    const [name, shape] = shapes[i % shapes.length]!;
    return { name, values: Float64Array.from({ length: 2_000 }, (_value, t) => shape(random, t)) };
  });
}

function packed(windows: readonly Float64Array[]): Windows {
  const values = new Float32Array(windows.length * modelWindow);
  windows.forEach((window, row) => normaliseWindow(window, values, row * modelWindow));
  return { rows: windows.length, values };
}

/** Fisher and Yates over rows. */
function shuffled({ rows, values }: Windows, random: () => number): Windows {
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  for (let i = rows - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const result = new Float32Array(values.length);
  order.forEach((from, to) =>
    result.set(values.subarray(from * modelWindow, (from + 1) * modelWindow), to * modelWindow),
  );
  return { rows, values: result };
}

async function errorsOf(
  tf: typeof TensorFlow,
  model: TensorFlow.LayersModel,
  { rows, values }: Windows,
): Promise<Float64Array> {
  const output = tf.tidy(() => model.predict(tf.tensor2d(values, [rows, modelWindow])) as TensorFlow.Tensor);
  const reproduced = Float32Array.from(await output.data());
  output.dispose();
  return Float64Array.from({ length: rows }, (_, row) => reconstructionError(values, reproduced, row));
}

const rms = (errors: Float64Array): number =>
  Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);

async function save(model: TensorFlow.LayersModel, folder: string, card: object): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await model.save({
    save: ({ modelTopology, weightSpecs, weightData }) => {
      const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      writeFileSync(join(folder, 'model.json'), `${JSON.stringify({ modelTopology, weightsManifest: manifest })}\n`);
      writeFileSync(join(folder, 'weights.bin'), Buffer.from(weightData as ArrayBuffer));
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    },
  });
  writeFileSync(join(folder, 'card.json'), `${JSON.stringify(card, null, 2)}\n`);
}
