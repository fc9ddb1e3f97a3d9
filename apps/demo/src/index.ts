export { DemoModule } from './demo.module.js';
export { DemoStage } from './demo.service.js';
export { type PreparedDemo, prepareDemo } from './prepare.js';
