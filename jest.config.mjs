/** Suites: unit and end-to-end on embedded defaults (default), `real` services, `soak` rounds. */
const suite = process.env.VIGIL_SUITE ?? 'default';
const testRegex = {
  default: ['(apps|libs|bench|dashboards|test)/.*\\.(spec|e2e-spec)\\.ts$'],
  real: ['test/.*\\.real-spec\\.ts$'],
  soak: ['test/.*\\.soak-spec\\.ts$'],
}[suite];

export default {
  rootDir: import.meta.dirname ?? new URL('.', import.meta.url).pathname,
  roots: ['<rootDir>'],
  testRegex,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { swcrc: true }] },
  moduleNameMapper: {
    '^@vigil/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.vigil', '<rootDir>/.cache'],
  maxWorkers: suite === 'default' ? 2 : 1,
  testTimeout: suite === 'default' ? 30_000 : 300_000,
  reporters: ['default', '<rootDir>/scripts/lib/count-reporter.mjs'],
};
