export * from './burn.js';
export * from './burn-alerts.js';
export * from './burn-windows.js';
export * from './compile.js';
export * from './engine.js';
export * from './error-ratio-watch.js';
export * from './evaluation.js';
export * from './openslo.js';
