import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/*.cjs', 'dist/', 'node_modules/', '.vigil/', '.cache/', 'apps/console/dist/'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Nest reads injected classes from emitted metadata; a type-only import erases them.
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Settings are parsed once, in libs/platform/src/config.' },
      ],
    },
  },
  {
    // Clock and randomness are arguments of the domain.
    files: ['libs/{catalog,telemetry,promql,slo,anomaly,forecast,alerting,remediation,assurance}/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'fetch', 'process'],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take the time as an argument.' },
        { object: 'Math', property: 'random', message: 'Take a random source as an argument.' },
      ],
    },
  },
  {
    // A program's entry hands its environment to the one parser.
    files: ['apps/*/src/main.ts', '**/*.spec.ts', '**/*-spec.ts', 'test/**', 'bench/**', 'models/**', 'scripts/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
);
