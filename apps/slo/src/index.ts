export { SloModule } from './slo.module.js';
