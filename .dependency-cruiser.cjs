/**
 * The dependency rule of docs/architecture.md, enforced. Each rule says why it exists, so that a failure teaches.
 * @type {import('dependency-cruiser').IConfiguration}
 */
const oneHome = (name, library, home) => ({
  name: `one-home-${name}`,
  comment: `${library} has one home, so that replacing it or reviewing its use means reading one place.`,
  severity: 'error',
  from: { path: '^(app|cli|config|rbac|spelling)/', pathNot: home },
  to: { path: `node_modules/${library}/`, dependencyTypesNot: ['type-only'] },
})

module.exports = {
  forbidden: [
    {
      name: 'rbac-is-pure',
      comment:
        'The decision point is a pure function: it imports itself, spelling/, casbin and pure parsing, pattern and address libraries.',
      severity: 'error',
      from: { path: '^rbac/' },
      to: { pathNot: '^((rbac|spelling)/|node_modules/(casbin|csv-parse|yaml|ipaddr\\.js|re2js)/)' },
    },
    {
      name: 'config-knows-nobody',
      comment: 'Settings are read before anything exists that could use them; types of them may be read everywhere.',
      severity: 'error',
      from: { path: '^config/' },
      to: { path: '^(app|rbac|cli|bench)/' },
    },
    {
      name: 'spelling-imports-nothing',
      comment: 'What config/ and rbac/ both may import knows neither of them, nor anything else.',
      severity: 'error',
      from: { path: '^spelling/' },
      to: { pathNot: '^spelling/' },
    },
    {
      name: 'siblings-share-types-only',
      comment:
        'Adapters never call each other: a folder of app/ may import a sibling folder as a type, never as a value.',
      severity: 'error',
      from: { path: '^app/([^/]+)/', pathNot: '^app/compose/' },
      to: { path: '^app/([^/]+)/', pathNot: '^app/$1/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-compose-constructs',
      comment: 'app/compose/ alone constructs adapters; everything else receives them as arguments.',
      severity: 'error',
      from: { path: '^app/[^/]+\\.ts$', pathNot: '^app/(main|worker-main)\\.ts$' },
      to: { path: '^app/[^/]+/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-main-composes',
      comment: 'The composition root is used by the process entries alone: of the service, and of a worker.',
      severity: 'error',
      from: { path: '^(app|rbac|config)/', pathNot: '^app/((main|worker-main)\\.ts$|compose/)' },
      to: { path: '^app/compose/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'the-core-asks-nobody',
      comment:
        'What decides (the root of rbac/, request/, conditions/) runs without what asks about policies: lint, explanations, test files.',
      severity: 'error',
      from: { path: '^rbac/', pathNot: '^rbac/(lint|asking|testing)/' },
      to: { path: '^rbac/(lint|asking|testing)/' },
    },
    {
      name: 'stores-stand-alone',
      comment:
        'Sessions know records, not the stores that keep them: only the composition names Redis or LMDB, and neither knows the other.',
      severity: 'error',
      from: { path: '^app/sessions/([^/]+)', pathNot: '^app/sessions/(redis|lmdb)/' },
      to: { path: '^app/sessions/(redis|lmdb)/' },
    },
    {
      name: 'stores-know-records-alone',
      comment:
        'A store keeps bytes under keys: it knows the form of records, and nothing of sessions, cookies or guards.',
      severity: 'error',
      from: { path: '^app/sessions/(redis|lmdb|records)/' },
      to: { path: '^app/sessions/', pathNot: '^app/sessions/($1|records)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'cookies-and-guards-read-nothing',
      comment: 'A cookie and a guard judge what they are given; the session is read elsewhere.',
      severity: 'error',
      from: { path: '^app/sessions/(cookies|guards)/' },
      to: { path: '^app/sessions/', pathNot: '^app/sessions/($1|records)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'providers-know-no-pages',
      comment:
        'What speaks with a provider knows neither the login pages nor the browser: it can be used where nobody looks.',
      severity: 'error',
      from: { path: '^app/login/(provider|claims)/' },
      to: { path: '^app/login/', pathNot: '^app/login/(provider|claims)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'the-listener-knows-nobody',
      comment: 'Limits, turns and heads of HTTP hold for whoever answers behind them.',
      severity: 'error',
      from: { path: '^app/listener/' },
      to: { path: '^app/', pathNot: '^app/(listener/|[^/]+\\.ts$)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'settings-arrive-as-arguments',
      comment: 'Adapters get settings as arguments; only main and compose import config/ as a value.',
      severity: 'error',
      from: { path: '^app/', pathNot: '^app/(main\\.ts$|compose/)' },
      to: { path: '^config/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'fronts-know-no-http',
      comment:
        'A check is a function from a subrequest to a reply; only the HTTP edge, check-endpoint.ts and write-reply.ts, knows what carries them.',
      severity: 'error',
      from: { path: '^app/fronts/', pathNot: '^app/fronts/(check-endpoint|write-reply)\\.ts$' },
      to: {
        path: '^((node:)?(http|https|http2|net|tls)$|app/fronts/(check-endpoint|write-reply)\\.ts$|node_modules/express/)',
      },
    },
    {
      name: 'product-does-not-know-its-tools',
      comment: 'app/, rbac/ and config/ run without the command line, the bench and the tests.',
      severity: 'error',
      from: { path: '^(app|rbac|config|spelling)/' },
      to: { path: '^(cli|bench|tests|console)/' },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle is two files that are one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nobody imports is either an entry point or dead.',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$', '^cli/main\\.ts$', '^app/worker-main\\.ts$', '^bench/main\\.ts$'] },
      to: {},
    },
    oneHome('casbin', 'casbin', '^rbac/(policy\\.ts$|deciding/enforcer\\.ts$|casbin/)'),
    oneHome('passport', 'passport(-openidconnect)?', '^app/login/'),
    oneHome('redis', 'redis', '^app/sessions/redis/connection\\.ts$'),
    oneHome('lmdb', 'lmdb', '^app/sessions/lmdb/'),
    oneHome('zod', 'zod', '^config/'),
    oneHome('prom-client', 'prom-client', '^app/telemetry/'),
    oneHome('oidc-provider', 'oidc-provider', '^cli/demo/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
