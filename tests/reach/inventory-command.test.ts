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
    expect((await codesOf(withLog)).filter(one => one.includes(' unused '))).toHaveLength(2)
  })

  test('only of a namespace, only from a severity on, and an exit code', async () => {
    expect((await codesOf({ namespace: ['shop'] })).every(one => one.includes('shop'))).toBe(true)
    expect((await codesOf({ severity: 'high' })).every(one => /^(high|critical)/.test(one))).toBe(true)
    expect((await run({ failOn: 'critical' })).code).toBe(1)
    expect((await run({ failOn: 'critical', namespace: ['shop'] })).code).toBe(0)
  })
})

test('CSV: a line for each, and no cell that a spreadsheet would compute', async () => {
  const { out, errors } = await run({ ...withLog, csv: true })
  expect(out.split('\r\n').slice(0, 4)).toMatchInlineSnapshot(`
    [
      ""id","kind","namespace","name","exists","owner","owner_inferred_from","created","last_used","workloads","credentials","cloud_roles","bindings","everything","rights","used","unused_percent","reaches","can_become","findings"",
      ""service-account:payments/agent","service-account","payments","agent","yes","alice@example.com","annotation sallyport.dev/owner","2026-01-01T00:00:00.000Z","2026-05-31T00:00:00.000Z","DaemonSet/agent","automounted-token: DaemonSet/agent","","ClusterRoleBinding/agent","no","2","1","50","","0","token-on-every-node"",
      ""service-account:payments/default","service-account","payments","default","yes","payments-team","label team of the namespace","2026-01-01T00:00:00.000Z","","Deployment/batch","automounted-token: Deployment/batch","","","no","0","0","","","0","default-account-used"",
      ""service-account:payments/deployer","service-account","payments","deployer","yes","payments-team","label team of the namespace","2026-01-01T00:00:00.000Z","2026-05-30T00:00:00.000Z","Deployment/core","token-secret: deployer-token; automounted-token: Deployment/core","aws: arn:aws:iam::1:role/pay","ClusterRoleBinding/deployer","yes","435","0","100","cluster-admin in 1 step by RB05; system:masters in 1 step by ID01; every Secret in 1 step by ID10; a node in 1 step by WL01","11","long-lived-credential"",
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
