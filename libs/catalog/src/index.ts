export * from './documents.js';
export * from './duration.js';
export * from './services.js';
