import { parseArgs } from 'node:util';
import { trainAutoencoder } from './autoencoder.js';

const usage = `npm run train -- NAME [--seed N] [--epochs N]
  autoencoder   windows of 32 values, for anomalies; reads the public data that VIGIL_SHARED names (../shared)`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    epochs: { type: 'string', default: '30' },
    help: { type: 'boolean', default: false },
  },
});
const [seed, epochs] = [Number(values.seed), Number(values.epochs)];
if (values.help || positionals[0] !== 'autoencoder' || !Number.isInteger(seed) || !(epochs >= 1)) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
await trainAutoencoder({
  seed,
  epochs,
  shared: process.env['VIGIL_SHARED'] ?? '../shared',
  out: 'models/autoencoder',
  say: (line) => console.log(line),
});
