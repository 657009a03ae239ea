/** `sallyport kube inventory` over a small cluster and over the shared dump, as a person sees it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type InventoryValues, runInventory } from '../../cli/kube/reach/inventory/run.ts'
import { auditEvent } from './audit-events.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-inventory-'))
const dataFolder = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const now = Date.UTC(2026, 5, 1) / 1000
const rbac = 'rbac.authorization.k8s.io'
const object = (
  kind: string,
  namespace: string | undefined,
  name: string,
  more: object = {},
  metadata: object = {},
) => ({
  apiVersion: /Role|Binding/.test(kind) ? `${rbac}/v1` : /Set|Deployment/.test(kind) ? 'apps/v1' : 'v1',
  kind,
  metadata: {
    name,
    ...(namespace !== undefined && { namespace }),
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...metadata,
  },
  ...more,
})
const binding = (name: string, role: string, subject: object) =>
  object('ClusterRoleBinding', undefined, name, {
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
    subjects: [subject],
  })
const account = (name: string, namespace = 'payments') => ({ kind: 'ServiceAccount', namespace, name })
const runsAs = (serviceAccountName?: string, more: object = {}) => ({
  spec: {
    template: {
      spec: {
        ...(serviceAccountName !== undefined && { serviceAccountName }),
        containers: [{ name: 'main' }],
        ...more,
      },
    },
  },
})
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]

const cluster = [
  object('Namespace', undefined, 'payments', {}, { labels: { team: 'payments-team' } }),
  object('Namespace', undefined, 'shop'),
  object('ClusterRole', undefined, 'pods', { rules }),
  object('ClusterRole', undefined, 'all', { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] }),
  object(
    'ServiceAccount',
    'payments',
    'deployer',
    {},
    { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/pay' } },
  ),
  object('ServiceAccount', 'payments', 'agent', {}, { annotations: { 'sallyport.dev/owner': 'alice@example.com' } }),
  object('ServiceAccount', 'payments', 'forgotten'),
  object('ServiceAccount', 'payments', 'default'),
  object(
    'ServiceAccount',
    'shop',
    'web',
    {},
    { labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'shop' } },
  ),
  object('ServiceAccount', 'shop', 'plain'),
  binding('deployer', 'all', account('deployer')),
  binding('agent', 'pods', account('agent')),
  binding('forgotten', 'pods', account('forgotten')),
  binding('gone', 'pods', account('nobody', 'shop')),
  binding('no-role', 'nowhere', account('deployer')),
  binding('machine', 'pods', { kind: 'User', apiGroup: rbac, name: '=cmd|calc' }),
  binding('person', 'pods', { kind: 'User', apiGroup: rbac, name: 'bob@example.com' }),
  object('Deployment', 'payments', 'core', runsAs('deployer')),
  object('DaemonSet', 'payments', 'agent', runsAs('agent')),
  object('Deployment', 'payments', 'batch', runsAs()),
  object('Deployment', 'shop', 'web', runsAs('web', { automountServiceAccountToken: false })),
  object('Deployment', 'shop', 'lost', runsAs('missing')),
  object(
    'Secret',
    'payments',
    'deployer-token',
    { type: 'kubernetes.io/service-account-token', data: { token: 'bm90LXNob3du' } },
    {
      annotations: { 'kubernetes.io/service-account.name': 'deployer' },
      labels: { 'kubernetes.io/legacy-token-last-used': '2026-05-30' },
    },
  ),
  object('Secret', 'kube-system', 'bootstrap-token-abcdef', { type: 'bootstrap.kubernetes.io/token' }),
]
const seen = { user: 'system:serviceaccount:payments:agent', resource: 'pods' }
const log = [auditEvent({ ...seen, at: '2026-02-01T00:00:00Z' }), auditEvent({ ...seen, at: '2026-05-31T00:00:00Z' })]

async function run(values: Partial<InventoryValues> = {}) {
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: () => undefined,
    colors: pc.createColors(false),
    env: {},
    cwd: directory,
  }
  const code = await runInventory({ from: ['cluster.json'], days: 90, now, ...values }, terminal)
  return { code, out: out.join(''), errors: errors.join('') }
}

beforeAll(() => {
  writeFileSync(join(directory, 'cluster.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: cluster }))
  writeFileSync(join(directory, 'audit.log'), log.map(event => JSON.stringify(event)).join('\n'))
})

const withLog = { audit: ['audit.log'] }

test('everybody, what to change, and what it does not know', async () => {
  const { out } = await run(withLog)
  expect(out).toMatchInlineSnapshot(`
    "  IDENTITY                OWNER      USERS  RIGHTS  UNUSED  REACHES  LAST USE
      payments/agent          ali…e.com  1      2       50 %    -        2026-05-31
      payments/default        pay…-team  1      0       -       -        -
      payments/deployer       pay…-team  1      all     100 %   admin 1  2026-05-30
      payments/forgotten      pay…-team  0      2       100 %   -        -
      shop/missing            -          1      0       -       -        missing
      shop/nobody             -          0      2       100 %   -        missing
      shop/plain              -          0      0       -       -        -
      shop/web                Hel… shop  1      0       -       -        -
      user:=cmd|calc          -          0      2       100 %   -        -
      bootstrap-…oken-abcdef  -          0      0       -       -        -

    critical long-lived-credential service-account:payments/deployer: deployer-token
        is a token that never expires, 151 days old, last used 2 days ago: delete
        it, and let pods use tokens that are bound to them.
    medium dangling-binding ClusterRoleBinding/gone: it gives ClusterRole pods to
        service-account:shop/nobody, which is not there: whoever makes that account
        gets it. Delete the subject.
    medium dangling-binding ClusterRoleBinding/no-role: it gives ClusterRole
        nowhere, which is not there: whoever makes that role fills it. Delete the
        binding.
    medium token-on-every-node service-account:payments/agent: DaemonSet/agent has
        its token on every node, so whoever has one node has its 2 rights.
    medium no-consumers service-account:payments/forgotten: nothing runs as it, and
        it has 2 rights: whoever may make a pod or a token there gets them.
    medium unused service-account:payments/forgotten: it has 2 rights and was not
        used, not in 119 days of log: take its bindings away.
    medium no-such-account service-account:shop/missing: Deployment/lost names it
        and it is not there: no pod starts, until somebody makes it.
    medium unused user:=cmd|calc: it has 2 rights and was not used, not in 119 days
        of log: take its bindings away.
    low: 1 default-account-used, 3 no-owner (--severity low shows them)

    6 of 6 service accounts seen, and 1 named-user, 1 bootstrap-token; 3 without
      owner.
    Eventually reach: 1 cluster-admin, 1 system:masters, 1 every Secret, 1 a node.
    2 are named by bindings or workloads, and are not there.
    1 users with an address for a name were taken for people.
    Not read, so nothing is said of them: RoleBinding, Pod, StatefulSet,
      CertificateSigningRequest.
    The audit log covers 119 days.
    Audit log: 2026-02-01 to 2026-05-31. 2 calls of 1 subjects, 0 of them refused.
    "
  `)
  expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
})

describe('findings', () => {
  const codesOf = async (values: Partial<InventoryValues>) => {
    const { findings } = JSON.parse((await run({ json: true, ...values })).out) as {
      findings: { code: string; about: string; severity: string }[]
    }
    return findings.map(({ code, about, severity }) => `${severity} ${code} ${about}`)
  }

  test('each of its own', async () => {
    expect(await codesOf(withLog)).toMatchInlineSnapshot(`
      [
        "critical long-lived-credential service-account:payments/deployer",
        "medium dangling-binding ClusterRoleBinding/gone",
        "medium dangling-binding ClusterRoleBinding/no-role",
        "medium token-on-every-node service-account:payments/agent",
        "medium no-consumers service-account:payments/forgotten",
        "medium unused service-account:payments/forgotten",
        "medium no-such-account service-account:shop/missing",
        "medium unused user:=cmd|calc",
        "low no-owner bootstrap-token:bootstrap-token-abcdef",
        "low default-account-used service-account:payments/default",
        "low no-owner service-account:shop/plain",
        "low no-owner user:=cmd|calc",
      ]
    `)
  })

  test('nothing is called unused by a log that begins too late, nor without one', async () => {
    const late = { ...withLog, since: Date.UTC(2026, 4, 1) }
    for (const values of [late, {}]) expect((await codesOf(values)).filter(one => one.includes(' unused '))).toEqual([])
    for (const [days, count] of [
      [90, 2],
      [119, 2],
      [120, 0],
    ] as const)
      expect((await codesOf({ ...withLog, days })).filter(one => one.includes(' unused '))).toHaveLength(count)
  })

  test('a token Secret whose account is gone is one, and the default account is never called gone', async () => {
    const left = object(
      'Secret',
      'shop',
      'old-token',
      { type: 'kubernetes.io/service-account-token' },
      { annotations: { 'kubernetes.io/service-account.name': 'departed' } },
    )
    const items = [...cluster, left, object('Deployment', 'shop', 'plain', runsAs())]
    writeFileSync(join(directory, 'left.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    const all = await codesOf({ from: ['left.json'] })
    const before = await codesOf({})
    expect(all.filter(one => !before.includes(one))).toEqual([
      'medium long-lived-credential service-account:shop/departed',
      'low default-account-used service-account:shop/default',
    ])
  })

  test('only of a namespace, of every severity, and an exit code', async () => {
    expect((await codesOf({ namespace: ['shop'] })).every(one => one.includes('shop'))).toBe(true)
    expect((await codesOf({ severity: 'high' })).some(one => one.startsWith('low'))).toBe(true)
    expect((await run({ failOn: 'critical' })).code).toBe(1)
    expect((await run({ failOn: 'critical', namespace: ['shop'] })).code).toBe(0)
  })
})

describe('at the edges', () => {
  interface Printed {
    readonly identities: readonly Readonly<Record<string, unknown> & { id: string }>[]
    readonly findings: readonly { code: string; about: string; severity: string; sentence: string }[]
    readonly coverage: object
  }
  const of = async (items: readonly object[], values: Partial<InventoryValues> = {}): Promise<Printed> => {
    writeFileSync(join(directory, 'edges.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    return JSON.parse((await run({ from: ['edges.json'], json: true, ...values })).out) as Printed
  }
  const about = ({ findings }: Printed, name: string) =>
    findings.filter(one => one.about.endsWith(`/${name}`) && one.code !== 'no-owner').map(({ code }) => code)
  const one = ({ identities }: Printed, id: string) => identities.find(identity => identity.id === id)
  const role = object('ClusterRole', undefined, 'pods', { rules })
  const withRights = (name: string, more: object = {}, metadata: object = {}) => [
    object('ServiceAccount', 'payments', name, more, metadata),
    binding(name, 'pods', account(name)),
  ]
  const logged = (...events: { user?: string; at: string; [key: string]: unknown }[]) => {
    writeFileSync(
      join(directory, 'edges.log'),
      events.map(event => JSON.stringify(auditEvent({ resource: 'pods', ...event }))).join('\n'),
    )
    return { audit: ['edges.log'] }
  }
  const user = (name: string) => `system:serviceaccount:payments:${name}`
  const begin = { user: 'somebody', at: '2026-01-01T00:00:00Z' }
  const end = { user: 'somebody', at: '2026-05-31T00:00:00Z' }

  test('a token on every node is one that is there, and opens something', async () => {
    const found = await of([
      role,
      ...['quiet', 'loud'].flatMap(name => withRights(name)),
      object('ServiceAccount', 'payments', 'bare'),
      object('DaemonSet', 'payments', 'quiet', runsAs('quiet', { automountServiceAccountToken: false })),
      ...['loud', 'bare'].map(name => object('DaemonSet', 'payments', name, runsAs(name))),
    ])
    expect(['quiet', 'loud', 'bare'].map(name => about(found, name))).toEqual([
      [],
      ['token-on-every-node'],
      ['automount-not-needed'],
    ])
  })

  test('the pod says whether it has the token, then the account', async () => {
    const off = { automountServiceAccountToken: false }
    const found = await of([
      object('ServiceAccount', 'payments', 'off', off),
      object('Deployment', 'payments', 'follows', runsAs('off')),
      object('Deployment', 'payments', 'insists', runsAs('off', { automountServiceAccountToken: true })),
    ])
    expect(one(found, 'service-account:payments/off')).toMatchObject({
      consumers: [
        { workload: 'Deployment/follows', hasToken: false },
        { workload: 'Deployment/insists', hasToken: true },
      ],
      credentials: [{ kind: 'automounted-token', name: 'Deployment/insists' }],
    })
  })

  test('so many days are enough, to the day', async () => {
    const idle = logged(begin, end, { user: user('idle'), at: '2026-03-03T00:00:00Z' })
    const created = { creationTimestamp: '2026-03-03T00:00:00Z' }
    const items = [role, ...withRights('idle'), ...withRights('young', {}, created)]
    for (const [days, codes] of [
      [90, ['unused']],
      [91, []],
    ] as const) {
      const found = await of(items, { ...idle, days })
      expect(['idle', 'young'].map(name => about(found, name).filter(code => code === 'unused'))).toEqual([
        codes,
        codes,
      ])
    }
  })

  test('nobody is idle, and nobody refused, where there is no log', async () => {
    const items = [
      role,
      ...withRights('works'),
      object('Deployment', 'payments', 'works', runsAs('works')),
      ...withRights('tries'),
    ]
    expect(about(await of(items), 'works')).toEqual([])
    const calls = logged(begin, end, { user: user('tries'), at: end.at, code: 403, decision: 'forbid' })
    const found = await of(items, calls)
    expect(about(found, 'works')).toEqual(['unused', 'automount-not-needed'])
    expect(about(found, 'tries')).toEqual(['only-refused'])
    const stray = await of(items, logged({ user: user('stray'), at: end.at, code: 403, decision: 'forbid' }))
    expect(one(stray, 'service-account:payments/stray')).toMatchObject({ isMissing: true })
    expect(found.identities.map(({ id }) => id)).not.toContain('user:somebody')
  })

  test('nothing runs as somebody only where it is known what runs', async () => {
    const items = [role, ...withRights('lonely')]
    expect(about(await of(items), 'lonely')).toEqual([])
    const pod = object('Pod', 'payments', 'other', { spec: { containers: [{ name: 'main' }] } })
    expect(about(await of([...items, pod]), 'lonely')).toEqual(['no-consumers'])
    expect(about(await of([...items, pod], logged({ user: user('lonely'), at: end.at })), 'lonely')).toEqual([])
  })

  test('bindings to nobody are said', async () => {
    const nobody = { kind: 'ServiceAccount', name: 'nowhere' }
    const empty = { ...binding('empty', 'pods', nobody), subjects: [] }
    const { findings } = await of([role, binding('vague', 'pods', nobody), empty])
    expect(findings.map(({ about: of, severity, sentence }) => `${severity} ${of} ${sentence}`).sort()).toEqual([
      'low ClusterRoleBinding/empty it gives ClusterRole pods to nobody: delete it.',
      'low ClusterRoleBinding/vague it gives ClusterRole pods to a service account without a namespace, which is nobody.',
    ])
  })

  test('an account that could not be read is counted, one that comes twice is not', async () => {
    const twice = object('ServiceAccount', 'payments', 'twice')
    const broken = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'payments' } }
    const { coverage } = await of([twice, twice, broken])
    expect(coverage).toMatchObject({ serviceAccounts: { seen: 1, all: 2 }, missing: 0 })
  })

  test('nobody is missing where no accounts were read', async () => {
    const found = await of([role, binding('web', 'pods', account('web'))])
    expect(one(found, 'service-account:payments/web')).toMatchObject({ isMissing: false })
    expect(found.coverage).toMatchObject({ missing: 0 })
  })

  test('everything is that of the whole cluster, without names', async () => {
    const everything = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
    const near = object('RoleBinding', 'payments', 'near', {
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'all' },
      subjects: [account('near')],
    })
    const found = await of([
      object('ClusterRole', undefined, 'all', { rules: [everything] }),
      object('ClusterRole', undefined, 'named', { rules: [{ ...everything, resourceNames: ['a'] }] }),
      ...['near', 'named', 'all'].map(name => object('ServiceAccount', 'payments', name)),
      near,
      ...['named', 'all'].map(name => binding(name, name, account(name))),
    ])
    const has = (name: string) => one(found, `service-account:payments/${name}`)?.hasEverything
    expect(['near', 'named', 'all'].map(has)).toEqual([false, false, true])
  })

  test('a pod is no consumer beside what made it, a request and a token of the log are there', async () => {
    const owner = { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', controller: true }] }
    const spec = { serviceAccountName: 'web', containers: [{ name: 'main' }] }
    const token = object(
      'Secret',
      'payments',
      'web-token',
      { type: 'kubernetes.io/service-account-token' },
      { annotations: { 'kubernetes.io/service-account.name': 'web' } },
    )
    const request = {
      ...object('CertificateSigningRequest', undefined, 'csr-1', { spec: {} }),
      apiVersion: 'certificates.k8s.io/v1',
    }
    const legacy = {
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authentication.k8s.io/legacy-token': 'x' },
    }
    const calls = [end, begin].map(({ at }, index) => ({
      user: user('web'),
      at,
      groups: [`g${index}`],
      more: legacy,
    }))
    const found = await of(
      [
        object('ServiceAccount', 'payments', 'web', {}, { annotations: { 'eks.amazonaws.com/role-arn': '' } }),
        object('ReplicaSet', 'payments', 'web-1', runsAs('web')),
        object('Pod', 'payments', 'web-1-x', { spec }, owner),
        token,
        request,
      ],
      logged(...calls),
    )
    const lastUsed = new Date(end.at).toISOString()
    expect(one(found, 'service-account:payments/web')).toMatchObject({
      consumers: [{ workload: 'ReplicaSet/web-1' }],
      cloudRoles: [],
      credentials: [{ kind: 'token-secret', lastUsed }, { kind: 'automounted-token' }],
    })
    expect(one(found, 'certificate-request:csr-1')).toMatchObject({ kind: 'certificate-request' })
  })
})

test('CSV: a line for each, and no cell that a spreadsheet would compute', async () => {
  const { out, errors } = await run({ ...withLog, csv: true })
  expect(out.split('\r\n').slice(0, 4)).toMatchInlineSnapshot(`
    [
      ""id","kind","namespace","name","exists","owner","owner_inferred_from","created","last_used","workloads","credentials","cloud_roles","bindings","everything","rights","used","unused_percent","reaches","can_become","owner_certainty","expires","findings"",
      ""service-account:payments/agent","service-account","payments","agent","yes","alice@example.com","annotation sallyport.dev/owner","2026-01-01T00:00:00.000Z","2026-05-31T00:00:00.000Z","DaemonSet/agent","automounted-token: DaemonSet/agent","","ClusterRoleBinding/agent","no","2","1","50","","0","stated","","token-on-every-node"",
      ""service-account:payments/default","service-account","payments","default","yes","payments-team","label team of the namespace","2026-01-01T00:00:00.000Z","","Deployment/batch","automounted-token: Deployment/batch","","","no","0","0","","","0","likely","","default-account-used"",
      ""service-account:payments/deployer","service-account","payments","deployer","yes","payments-team","label team of the namespace","2026-01-01T00:00:00.000Z","2026-05-30T00:00:00.000Z","Deployment/core","token-secret: deployer-token; automounted-token: Deployment/core","aws: arn:aws:iam::1:role/pay","ClusterRoleBinding/deployer","yes","435","0","100","cluster-admin in 1 step by RB05; system:masters in 1 step by ID01; every Secret in 1 step by ID10; a node in 1 step by WL01","11","likely","never; ","long-lived-credential"",
    ]
  `)
  expect(out).toContain(`"user:=cmd|calc","named-user","","'=cmd|calc",`)
  expect(errors).toContain('6 of 6 service accounts seen')
})

test('no secret is in any output', async () => {
  for (const values of [{}, { csv: true }, { json: true }])
    expect((await run(values)).out).not.toContain('bm90LXNob3du')
})

test('the machines that Sallyport itself knows', async () => {
  writeFileSync(join(directory, 'secret'), 'uG3kq8vJ0oZP4mYtW1xR7cN5bL9dS2fHqEaK6iTgVwU\n')
  writeFileSync(join(directory, 'client'), 'a-client-secret-of-tests-that-is-long\n')
  writeFileSync(
    join(directory, 'sallyport.yaml'),
    `server: { url: 'http://localhost:9180' }
providers: [{ name: corp, issuer: 'https://idp.example', clientId: sallyport, clientSecretFile: ./client }]
sessions: { store: lmdb, path: ./data, secretFile: ./secret }
policy: { directory: ./policy }
hosts: [{ host: app.example.com, bearerFrom: [ci] }]
machines: { issuers: [{ name: ci, kind: generic, issuer: 'https://ci.example', audience: sallyport }] }
`,
  )
  mkdirSync(join(directory, 'policy'))
  writeFileSync(join(directory, 'policy/apps.csv'), 'p, client:ci/deploy, app.example.com, /**, GET, -, allow\n')
  const { out, errors } = await run({ json: true, config: 'sallyport.yaml' })
  expect(errors).toBe('')
  const { identities } = JSON.parse(out) as { identities: { id: string; bindings: string[] }[] }
  expect(identities.filter(({ id }) => /^(machine|token-issuer):/.test(id))).toMatchObject([
    { id: 'token-issuer:ci' },
    { id: 'machine:client:ci/deploy', bindings: ['apps.csv:1 app.example.com'] },
  ])
})

test.skipIf(!existsSync(dataFolder))(
  'the shared dump: all of its service accounts, and the drivers with a token on every node',
  async () => {
    const { out } = await run({ from: [join(dataFolder, 'k8s/cluster-dump')], json: true })
    const { coverage, findings } = JSON.parse(out) as {
      coverage: object
      findings: { code: string; about: string }[]
    }
    expect(coverage).toMatchInlineSnapshot(`
    {
      "daysOfLog": 0,
      "kindsNotRead": [
        "Secret",
        "Pod",
        "CertificateSigningRequest",
      ],
      "missing": 3,
      "serviceAccounts": {
        "all": 124,
        "seen": 124,
      },
      "takenForPeople": 0,
      "unread": 0,
      "withoutOwner": 96,
    }
  `)
    const everywhere = findings.filter(({ code }) => code === 'token-on-every-node').map(({ about }) => about)
    expect(everywhere).toMatchInlineSnapshot(`
    [
      "service-account:kube-system/calico-node",
      "service-account:longhorn-system/longhorn-service-account",
      "service-account:metallb-system/speaker",
      "service-account:monitoring/node-exporter",
      "service-account:spire/spire-agent",
    ]
  `)
  },
)
