import type { ByteReader, ByteWriter } from '@vigil/telemetry';
import { detectorConfig } from './config.js';

/** Third-octave bins over 64 octaves around the scale of the first deviations; the lowest also holds the zeros. */
const binCount = 192;
const binsPerOctave = 3;
const octavesBelow = 32;
const scalePoints = 100;
const forgetEvery = 256;
const forget = 2 ** (-forgetEvery / detectorConfig.memoryHalfLife);

/**
 * How rare a deviation is against the same channel's own past, as -log10 of a tail probability. Deviations are counted in
 * bins of their logarithm; the largest few per cent are taken as Pareto (B. M. Hill, "A simple general approach to
 * inference about the tail of a distribution", Annals of Statistics 1975), shrunk to a prior: heavy tails and bursts,
 * once seen, are not news, and one spike counts as one value however large.
 */
export class Rarity {
  readonly #bins = new Float32Array(binCount);
  #total = 0;
  #rows = 0;
  #positives = 0;
  #scaleSum = 0;
  #top = 0;
  // The tail as it was fitted last.
  #tailBin = 0;
  #tailWeight = 0;
  #tailStart = 0;
  #tailRarity = 0;
  #meanExcess: number = detectorConfig.tailPrior;
  #isFitted = false;

  /** False while too little of the past is known; then nothing is rare. */
  get isKnown(): boolean {
    return this.#rows >= detectorConfig.warmPoints && this.#positives > 0;
  }

  /** The deviation's rarity; remembers it. NaN is no deviation: 0, and not remembered. */
  score(deviation: number): number {
    if (!(deviation >= 0)) return 0;
    const rarity = this.of(deviation);
    this.#learn(deviation);
    return rarity;
  }

  of(deviation: number): number {
    if (!this.isKnown) return 0;
    if (!this.#isFitted) this.#fit();
    const log2 = this.#log2(deviation);
    if (log2 > this.#tailStart)
      return this.#tailRarity + ((log2 - this.#tailStart) * Math.LN2) / (this.#meanExcess * Math.LN10);
    const bin = binOf(log2);
    let beyond = this.#tailWeight + 0.5 * this.#bins[bin]! + 0.5;
    for (let b = bin + 1; b <= this.#tailBin; b++) beyond += this.#bins[b]!;
    return -Math.log10(Math.min(1, beyond / (this.#total + 1)));
  }

  write(out: ByteWriter): void {
    out.lane(this.#bins);
    for (const value of [this.#total, this.#rows, this.#positives, this.#scaleSum, this.#top]) out.f64(value);
  }

  read(from: ByteReader): void {
    from.lane(this.#bins);
    this.#total = from.f64();
    this.#rows = from.f64();
    this.#positives = from.f64();
    this.#scaleSum = from.f64();
    this.#top = from.f64();
    this.#isFitted = false;
  }

  #log2(deviation: number): number {
    return Math.log2(Math.max((deviation * Math.min(this.#positives, scalePoints)) / this.#scaleSum, 1e-12));
  }

  #fit(): void {
    const { tailShare, tailPrior, tailPriorWeight } = detectorConfig;
    const bins = this.#bins;
    const allowed = tailShare * this.#total;
    let weight = 0;
    let weightedBins = 0;
    let bin = this.#top;
    for (; bin > 0; bin--) {
      const here = bins[bin]!;
      if (weight + here > allowed) break;
      weight += here;
      weightedBins += here * (bin + 0.5);
    }
    const start = bin + 1;
    const excess = Math.max(0, (weightedBins - start * weight) / binsPerOctave) * Math.LN2;
    this.#tailBin = bin;
    this.#tailWeight = weight;
    this.#tailStart = start / binsPerOctave - octavesBelow;
    this.#meanExcess = Math.max(0.02, (excess + tailPriorWeight * tailPrior) / (weight + tailPriorWeight));
    this.#tailRarity = -Math.log10(Math.max((weight + 0.5) / (this.#total + 1), 0.5 / (this.#rows + 1)));
    this.#isFitted = true;
  }

  #learn(deviation: number): void {
    if (deviation > 0 && this.#positives < scalePoints) this.#scaleSum += deviation;
    if (deviation > 0) this.#positives++;
    const bin = deviation > 0 ? binOf(this.#log2(deviation)) : 0;
    this.#bins[bin]!++;
    this.#total++;
    if (bin > this.#top) this.#top = bin;
    this.#rows++;
    this.#isFitted = false;
    if (this.#rows % forgetEvery === 0) this.#forget();
  }

  #forget(): void {
    let sum = 0;
    for (let bin = 0; bin <= this.#top; bin++) sum += this.#bins[bin]! *= forget;
    this.#total = sum;
  }
}

const binOf = (log2: number): number =>
  Math.min(binCount - 1, Math.max(0, Math.floor((log2 + octavesBelow) * binsPerOctave)));
