export * from './counter-sum.js';
export { parseQuery } from './parse.js';
export * from './query.js';
export { queryToString } from './query-text.js';
export * from './stream-evaluator.js';
export * from './watches.js';
