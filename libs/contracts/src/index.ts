export * from './catalogue.js';
export * from './envelope.js';
export * from './messages.js';
export * from './remediation.js';
export * from './rest.js';
export * from './signal.js';
