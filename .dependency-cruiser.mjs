const domain = '^libs/(catalog|telemetry|promql|slo|anomaly|forecast|alerting|remediation|assurance)/';
const foreign = '^libs/(?!NAME/)[^/]+/src/(?!index\\.ts)';

/** One rule a lib: it is entered by its index.ts alone. */
const entered = [
  'catalog',
  'telemetry',
  'promql',
  'slo',
  'anomaly',
  'forecast',
  'alerting',
  'remediation',
  'assurance',
  'contracts',
  'platform',
].map((name) => ({
  name: `enter-${name}-by-its-index`,
  severity: 'error',
  comment: `What ${name} does not export is its own business.`,
  from: { pathNot: `^libs/${name}/` },
  to: { path: foreign.replace('(?!NAME/)[^/]+', name) },
}));

/** Between domain libs only these directions; each arrow of the design is one line here. */
const allowed = {
  telemetry: [],
  catalog: ['telemetry'],
  promql: ['telemetry', 'catalog'],
  forecast: ['telemetry', 'catalog'],
  slo: ['telemetry', 'catalog', 'promql', 'forecast'],
  anomaly: ['telemetry', 'catalog', 'promql'],
  alerting: ['telemetry', 'catalog'],
  remediation: ['telemetry', 'catalog'],
  assurance: ['telemetry', 'catalog', 'remediation'],
};
const between = Object.entries(allowed).map(([name, targets]) => ({
  name: `${name}-looks-down-only`,
  severity: 'error',
  comment: `${name} may use ${targets.join(', ') || 'no other domain lib'}.`,
  from: { path: `^libs/${name}/` },
  to: { path: domain, pathNot: `^libs/(${[name, ...targets].join('|')})/` },
}));

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'domain-knows-no-infrastructure',
      severity: 'error',
      comment: 'Domain libs get clock, randomness and I/O as arguments, so that a test can replay them.',
      from: { path: domain, pathNot: '\\.spec\\.ts$' },
      to: {
        path: '@nestjs|typeorm|kafkajs|^pg$|lmdb|pglite|pino|prom-client|fastify|^(node:)?(fs|net|http|https|child_process|worker_threads|dgram|os|process)(/|$)',
      },
    },
    {
      name: 'domain-below-contracts-and-platform',
      severity: 'error',
      from: { path: domain },
      to: { path: '^(libs/(contracts|platform)|apps)/' },
    },
    {
      name: 'contracts-below-platform',
      severity: 'error',
      from: { path: '^libs/contracts/' },
      to: { path: '^(libs/platform|apps)/' },
    },
    { name: 'platform-below-apps', severity: 'error', from: { path: '^libs/platform/' }, to: { path: '^apps/' } },
    {
      name: 'apps-meet-in-vigil-only',
      severity: 'error',
      comment: 'Services talk by the messages in contracts; only apps/vigil composes them.',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/vigil/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    ...entered,
    ...between,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
