export * from './choice.js';
export * from './guards.js';
export * from './ports.js';
export * from './process-groups.js';
export * from './resolve.js';
export * from './run.js';
export * from './runbook.js';
export { renderText, TemplateError } from './template.js';
