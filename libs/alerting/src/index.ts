export * from './alert-groups.js';
export * from './config.js';
export * from './forward.js';
export * from './webhook.js';
