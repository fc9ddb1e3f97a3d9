export * from './counter-sum.js';
export { parseQuery } from './parse.js';
export * from './query.js';
export * from './stream-evaluator.js';
export * from './watches.js';
