export * from './config.js';
export * from './detector.js';
export * from './episode.js';
export * from './model-window.js';
export * from './synthetic.js';
