/** A small generator of pseudo-random numbers in [0, 1) (mulberry32): the same seed, the same numbers. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A normal deviate (Box and Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Shapes of healthy metrics, for tests and for training: value at step t. */
export const healthyShapes: Readonly<Record<string, (random: () => number, t: number) => number>> = {
  flat: (random) => 100 + 5 * normal(random),
  latency: (random) => 0.12 * Math.exp(0.15 * normal(random)),
  day: (random, t) => 100 + 50 * Math.sin((t * 2 * Math.PI) / 300) + 3 * normal(random),
  smoothDay: (_random, t) => 100 + 50 * Math.sin((t * 2 * Math.PI) / 300),
  rush: (random, t) => 40 * (1 + Math.max(0, Math.sin((t * 2 * Math.PI) / 240))) * (1 + 0.05 * normal(random)),
  ratio: (random) => Math.max(0, 0.002 + 0.001 * normal(random)),
  none: () => 0,
};
