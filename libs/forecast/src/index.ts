export * from './capacity.js';
export * from './forecast.js';
export { findSeason } from './season.js';
export * from './history.js';
