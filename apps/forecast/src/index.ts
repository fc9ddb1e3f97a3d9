export { ForecastModule } from './forecast.module.js';
