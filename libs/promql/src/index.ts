export * from './counter-sum.js';
export { durationMs, parseQuery } from './parse.js';
export * from './query.js';
export * from './stream-evaluator.js';
