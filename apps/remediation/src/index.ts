export { RemediationModule } from './remediation.module.js';
