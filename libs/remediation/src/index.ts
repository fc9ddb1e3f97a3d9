export * from './process-groups.js';
