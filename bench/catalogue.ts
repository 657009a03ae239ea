/** Every case by name, in the order in which they run, with what it is for. */

/** A server that is asked as fast as it answers, as a ratio to `bare`. */
export const loadCases = {
  bare: 'the yardstick: node:http that answers 200 with as many headers as an allowed check',
  naive: 'Express, express-session, connect-redis, passport and stock Casbin over 100 rows, put together by hand',
  'check-cached': 'the service with everything on: Redis, session cache, 1,000 rows, assertion, audit line, metrics',
  'check-redis': 'the same without the session cache: each check reads Redis',
  'check-lmdb': 'the same with the embedded store',
  'check-envoy': 'as check-cached, asked as Envoy asks over HTTP: the request itself below a path of its own',
  'check-denied': 'as check-cached, and the answer is 403',
  'check-challenged': 'as check-cached, and nobody is logged in: 302 to the login page',
  'policy-10': 'as check-cached over 10 rows, each path asked for once',
  'policy-1000': 'as check-cached over 1,000 rows, each path asked for once',
  'policy-100000': 'as check-cached over 100,000 rows, each path asked for once',
  'naive-1000': 'as naive, over 1,000 rows',
  'bearer-remembered': 'as check-cached, by a bearer token (ES256) that was seen before in place of a session',
  'bearer-new': 'the same by another token in each request: a signature check for each',
  authzen: 'a question of an application (AuthZEN) about one of its objects, with everything on',
} as const
export type LoadCaseName = keyof typeof loadCases

/** Not in the default set: it would only slow the rounds down. */
const isExtra = (name: LoadCaseName): boolean =>
  name === 'naive-1000' || name === 'authzen' || name.startsWith('bearer-')
export const loadCaseNames = Object.keys(loadCases) as LoadCaseName[]
export const defaultCaseNames = loadCaseNames.filter(name => !isExtra(name))

/** Those that ask the built service. */
export type ServiceCaseName = Extract<LoadCaseName, `${'check' | 'policy' | 'bearer'}-${string}` | 'authzen'>
export const isServiceCase = (name: LoadCaseName): name is ServiceCaseName =>
  name === 'authzen' || /^(check|policy|bearer)-/.test(name)

/** An experiment of its own. */
export const specialCases = {
  tail: 'an open loop at which check-cached uses 60 % of its core: p50, p99 and p99.9 of bare and check-cached',
  sessions: 'a thousand against a million sessions in LMDB and in Redis, and the bytes that one takes',
  directory: 'a million sessions: milliseconds to list, show and end them by person, host and provider session',
  reload: 'the longest pause while a policy of 100,000 rows is loaded again under load',
  revoke: 'from the end of a session to its refusal by another process, both with the session cached',
  endings: 'from the end of a session to the call that tells whoever watches it, in one process and among several',
  workers: 'server.workers 1 against 2: processor time for each request',
  start: 'from the start of the process to the first answered check, with 10,000 rows',
  nginx: 'NGINX in front of a static application: without a check, with it, and with it but no keep-alive',
  proxies:
    'NGINX, Traefik, Caddy, Envoy (HTTP, gRPC) and HAProxy in front of a static application: without a check, and with it',
  grpc: 'a check of Envoy over gRPC against a bare unary call of grpc-js with as large an answer',
  gateway: 'a real API server asked directly and through the gateway: small calls, 5,000 pods, 1,000 idle watches',
  policy: 'compiling and deciding alone, for policies of several sizes',
  reach: 'RBAC of 5,000 service accounts, 10,000 bindings and 3,000 roles: read, indexed, asked',
} as const
export type SpecialCaseName = keyof typeof specialCases
export const specialCaseNames = Object.keys(specialCases) as SpecialCaseName[]

export interface ChosenCases {
  readonly load: readonly LoadCaseName[]
  readonly special: readonly SpecialCaseName[]
  readonly unknown: readonly string[]
}

/** No name is the default set, `all` is everything. */
export function chooseCases(names: readonly string[]): ChosenCases {
  if (names.length === 0) return { load: defaultCaseNames, special: [], unknown: [] }
  const isAll = names.includes('all')
  const isChosen = (name: string): boolean => isAll || names.includes(name)
  const known: readonly string[] = ['all', ...loadCaseNames, ...specialCaseNames]
  return {
    load: loadCaseNames.filter(isChosen),
    special: specialCaseNames.filter(isChosen),
    unknown: names.filter(name => !known.includes(name)),
  }
}

export function helpText(): string {
  const list = (cases: Readonly<Record<string, string>>): string =>
    Object.entries(cases)
      .map(([name, purpose]) => `  ${name.padEnd(17)} ${purpose}`)
      .join('\n')
  return `How fast a check is. Only ratios to the yardstick of the same run carry over to another machine.

  npm run bench                              the default set, under three minutes
  npm run bench -- check-cached check-redis  these cases; bare is always among them
  npm run bench -- tail                      one experiment
  npm run bench -- all                       everything, about twenty minutes
  npm run bench -- --save                    replaces bench/result.json, which later runs are compared with
  npm run bench -- --profile check-cached    a flame graph of the server process, in profiles/
  npm run bench -- --profile gateway-get-16  the same of the gateway
  npm run bench -- --profile grpc            the same under checks over gRPC

Servers under load (all but naive-1000, authzen and bearer-… are the default set)
${list(loadCases)}

Experiments
${list(specialCases)}

Options
  --rounds <n>        interleaved rounds (11); the figures are medians over them, with quartiles
  --seconds <s>       length of one run (1)
  --warm-up <s>       length of the run before the first round, not counted (2)
  --connections <n>   keep-alive connections of the load generator (16)
  --sizes <n,n>       sessions, directory: how many are in the store (1000,1000000); reload, start: rows of the policy;
                      policy: the most rows (100000); reach: accounts (5000); gateway: pods and watches (5000,1000)
  --json              the last line is one JSON object
  --save              writes bench/result.json; cases that did not run keep their figures
  --profile           runs one case (check-cached) and writes a .cpuprofile and a flame graph

Run it on an idle machine. Server and load generator get a core each; Redis shares the load generator's.
`
}
