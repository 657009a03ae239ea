/** Somebody who may list some namespaces alone reviews these, and no output lets that pass for the whole cluster. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readByApiServer } from '../../app/kubernetes/reading/api-server.ts'
import { readByKubectl } from '../../app/kubernetes/reading/kubectl.ts'
import type { CallApi } from '../../app/kubernetes/rights/api-calls.ts'
import { listedIn } from '../../rbac/reach/absence.ts'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-namespace-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const group = 'rbac.authorization.k8s.io'
const inPayments = (kind: string, name: string, more: object = {}) => ({
  apiVersion: kind.startsWith('Role') ? `${group}/v1` : 'v1',
  kind,
  metadata: { name, namespace: 'payments' },
  ...more,
})
const binding = (name: string, kind: string, role: string, subjects: object[]) =>
  inPayments('RoleBinding', name, { roleRef: { apiGroup: group, kind, name: role }, subjects })
const account = (namespace: string, name: string) => ({ kind: 'ServiceAccount', namespace, name })

/** What there is in `payments`, by the resource as kubectl names it. In `shop` there is nothing, and that may be seen. */
const there: Readonly<Record<string, readonly object[]>> = {
  [`roles.${group}`]: [
    inPayments('Role', 'reader', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }),
  ],
  [`rolebindings.${group}`]: [
    binding('readers', 'Role', 'reader', [account('payments', 'deployer'), account('ci', 'runner')]),
    binding('gone', 'Role', 'gone', [account('payments', 'nobody')]),
    binding('admins', 'ClusterRole', 'admin', [account('payments', 'deployer')]),
    binding('own', 'ClusterRole', 'company-ops', [account('ci', 'runner'), { kind: 'Group', name: 'ops' }]),
  ],
  serviceaccounts: [inPayments('ServiceAccount', 'default'), inPayments('ServiceAccount', 'deployer')],
  pods: [inPayments('Pod', 'core', { spec: { serviceAccountName: 'deployer', containers: [] } })],
}
const namespaceObject = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
const listOf = (items: readonly object[]) => ({ apiVersion: 'v1', kind: 'List', items })
const version = { major: '1', minor: '37', gitVersion: 'v1.37.0' }
const refused = (what: string) => `${what} is forbidden: User bob cannot list resource ${what}`

const kubectl = join(directory, 'kubectl')
const env = { PATH: `${directory}:/usr/bin:/bin` }

beforeAll(() => {
  for (const [resource, items] of Object.entries(there))
    writeFileSync(join(directory, `get ${resource} --namespace=payments`), `${JSON.stringify(listOf(items))}\n`)
  for (const name of ['payments', 'shop'])
    writeFileSync(join(directory, `get namespaces ${name}`), `${JSON.stringify(namespaceObject(name))}\n`)
  const script = `#!/bin/sh
answer="${directory}/$1 $2 $3"
if [ -f "$answer" ]; then read -r line < "$answer"; printf '%s\\n' "$line"; exit 0; fi
case "$2 $3" in
"--raw /version") echo '${JSON.stringify(version)}'; exit 0;;
"namespaces closed"|*" --all-namespaces") ;;
"namespaces "*) echo "Error from server (NotFound): namespaces \\"$3\\" not found" >&2; exit 1;;
"secrets --namespace=shop") ;;
"secrets --namespace=payments") exit 0;;
*" --namespace=payments"|*" --namespace=shop") echo '${JSON.stringify(listOf([]))}'; exit 0;;
esac
echo "Error from server (Forbidden): $2 is forbidden: User bob cannot list resource $2" >&2
exit 1
`
  writeFileSync(kubectl, script, { mode: 0o700 })
})

/** The same cluster by its API. */
const call: CallApi = async ({ target }) => {
  const [path = ''] = target.split('?')
  if (path === '/version') return { status: 200, body: version }
  const [, api = '', namespace, plural = '', name] =
    /^\/(?:api|apis\/([^/]+))\/v1\/(?:namespaces\/([^/]+)\/)?([^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
  if (namespace === undefined && plural === 'namespaces' && name !== undefined) {
    if (name === 'closed') return { status: 403, body: { message: refused('namespaces') } }
    const isThere = ['payments', 'shop'].includes(name)
    return isThere ? { status: 200, body: namespaceObject(name) } : { status: 404, body: { message: 'not found' } }
  }
  const isOpen = namespace === 'payments' || (namespace === 'shop' && plural !== 'secrets')
  if (!isOpen) return { status: 403, body: { message: refused(plural) } }
  const items = namespace === 'payments' ? there[api === '' ? plural : `${plural}.${api}`] : undefined
  return { status: 200, body: listOf(items ?? []) }
}

type Way = (namespaces: readonly string[] | undefined, scansSecrets?: boolean) => Promise<ClusterObjects>
const reading = () => createReading({ assumesShippedRoles: false })
const ways: readonly (readonly [string, Way])[] = [
  [
    'kubectl',
    async (namespaces, scansSecrets = false) => {
      const one = reading()
      const options = { program: kubectl, env, scansSecrets, namespaces, onLogin: () => undefined }
      await readByKubectl(options, { reading: one, progress: text => void text() })
      return one.finish()
    },
  ],
  [
    'the API',
    async (namespaces, scansSecrets = false) => {
      const one = reading()
      await readByApiServer(
        { call, source: 'cluster', scansSecrets, namespaces },
        { reading: one, progress: text => void text() },
      )
      return one.finish()
    },
  ],
]

describe.each(ways)('by %s', (_, read) => {
  test('M29 what is there is read, and what is elsewhere is said', async () => {
    const objects = await read(['payments', 'shop'], true)
    expect(objects.bindings.map(({ name }) => name).sort()).toEqual(['admins', 'gone', 'own', 'readers'])
    expect(objects.namespaces.map(({ name }) => name)).toEqual(['payments', 'shop'])
    expect(objects.namespacesRead).toEqual(new Set(['payments', 'shop']))
    expect(objects.serverVersion).toBe('1.37')
    const said = objects.problems.map(({ code, object, namespace = '-' }) => `${code} ${object ?? '-'} ${namespace}`)
    expect(said.filter(one => !one.startsWith('assumed-role')).sort()).toEqual([
      'not-permitted CertificateSigningRequest -',
      'not-permitted ClusterRole -',
      'not-permitted ClusterRoleBinding -',
      'not-permitted Node -',
      'not-permitted Secret shop',
      'other-namespaces - -',
      'unknown-role ClusterRole/company-ops -',
    ])
    expect(said).toContain('assumed-role ClusterRole/admin -')
    const counted = objects.problems.reduce((sum, { unread = 0 }) => sum + unread, 0)
    expect([objects.objectsSeen, counted]).toEqual([10, 0])
  })

  test('M29 a name that is mistyped is no empty namespace', async () => {
    await expect(read(['payments', 'paymens'])).rejects.toThrow('there is no namespace paymens in the cluster')
  })

  test('a namespace that may not be seen is told of, kind by kind', async () => {
    const { problems, kindsRead } = await read(['closed'])
    expect(kindsRead.size).toBe(0)
    const inside = problems.filter(({ namespace }) => namespace === 'closed').map(({ object }) => object)
    expect(inside).toEqual(expect.arrayContaining(['Namespace', 'Role', 'RoleBinding', 'ServiceAccount', 'CronJob']))
    expect(problems.find(({ object }) => object === 'Role')?.message).toMatch(/^none of this kind is read in namespace/)
  })

  test('without the option nothing is asked of single namespaces', async () => {
    const { problems, namespacesRead } = await read(undefined)
    expect(namespacesRead).toBeUndefined()
    expect(problems.map(({ code }) => code)).toEqual(problems.map(() => 'not-permitted'))
    expect(problems.length).toBe(16)
  })
})

test('what is not there is known where its kind was listed, and nowhere else', () => {
  const problem = (object: string, namespace?: string) => ({
    ...{ code: 'not-permitted' as const, place: { source: 'cluster' }, object, message: '' },
    ...(namespace !== undefined && { namespace }),
  })
  const problems = [problem('Role'), problem('ServiceAccount', 'shop'), problem('ClusterRole')]
  const isListed = listedIn({ problems, namespacesRead: new Set(['shop', 'payments']) })
  expect(['Role', 'ServiceAccount', 'Pod'].map(kind => isListed(kind, 'payments'))).toEqual([false, true, true])
  expect(['Role', 'ServiceAccount', 'Pod'].map(kind => isListed(kind, 'shop'))).toEqual([false, false, true])
  expect(['Pod', 'ServiceAccount'].map(kind => isListed(kind, 'elsewhere'))).toEqual([false, false])
  expect(['ClusterRole', 'Node'].map(kind => isListed(kind))).toEqual([false, true])
  expect(listedIn({ problems: [] })('Role', 'elsewhere')).toBe(true)
})

const printed = new Map<string, ReturnType<typeof runKube>>()
/** Once for the same arguments: each asks a program thirty times. */
function kube(...args: string[]): ReturnType<typeof runKube> {
  const key = args.join(' ')
  const running = printed.get(key) ?? runKube(directory, [...args, '--read-namespace', 'payments'], env)
  printed.set(key, running)
  return running
}
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ')

describe('the commands', () => {
  const outputs: readonly (readonly [string, readonly string[], 'out' | 'errors'])[] = [
    ['review', ['review'], 'out'],
    ['review as JSON', ['review', '--json'], 'out'],
    ['review as CSV', ['review', '--output', 'csv'], 'errors'],
    ['review as SARIF', ['review', '--output', 'sarif'], 'out'],
    ['review as a page', ['review', '--output', 'html'], 'out'],
    ['review --to as JSON', ['review', '--to', 'all-secrets', '--json'], 'out'],
    ['inventory', ['inventory'], 'out'],
    ['inventory as JSON', ['inventory', '--json'], 'out'],
    ['inventory as CSV', ['inventory', '--csv'], 'errors'],
    ['who-can', ['who-can', 'get', 'pods'], 'out'],
    ['what-can', ['what-can', 'group:ops'], 'out'],
    ['what-can as JSON', ['what-can', 'group:ops', '--json'], 'out'],
  ]
  test.each(outputs)(
    'M29 %s says that other namespaces were not read, nor the roles of the cluster',
    async (_, args, to) => {
      const answer = await kube(...args)
      expect(answer.code).toBe(0)
      const said = plain(answer[to])
      expect(said).toContain('only namespace payments was asked for')
      expect(said).toContain('ClusterRoleBinding')
      expect(said).toContain('ClusterRole/company-ops')
    },
  )

  test.each(['review', 'inventory'])('M29 a check of %s does not pass', async command => {
    const { code, errors } = await kube(command, '--fail-on', 'critical')
    expect([code, plain(errors)]).toEqual([1, expect.stringContaining('rights may stand in what was not read')])
  })

  test('M29 nobody is called gone, idle or without owner where nobody could look', async () => {
    interface Document {
      readonly coverage: object
      readonly identities: readonly { readonly id: string; readonly isMissing: boolean; readonly isUnread?: boolean }[]
      readonly findings: readonly { readonly code: string; readonly about: string }[]
    }
    const { identities, findings, coverage } = JSON.parse((await kube('inventory', '--json')).out) as Document
    expect(identities.map(one => [one.id, one.isMissing, one.isUnread ?? false])).toEqual([
      ['service-account:ci/runner', false, true],
      ['service-account:payments/default', false, false],
      ['service-account:payments/deployer', false, false],
      ['service-account:payments/nobody', true, false],
    ])
    expect(findings.filter(({ about }) => about.includes('ci/runner'))).toEqual([])
    const dangling = findings.filter(({ code }) => code === 'dangling-binding').map(({ about }) => about)
    expect([...new Set(dangling)]).toEqual(['RoleBinding/payments/gone'])
    expect(coverage).toMatchObject({
      serviceAccounts: { seen: 2, all: 2 },
      ...{ missing: 1, unread: 1, namespacesRead: ['payments'], withoutOwner: 1 },
    })
    const text = plain((await kube('inventory')).out)
    expect(text).toContain('2 of 2 service accounts of namespace payments, the only ones that were read, seen')
    expect(text).toContain('1 are named by bindings or workloads where accounts were not read')
    const csv = (await kube('inventory', '--csv')).out
    expect(csv).toContain('"service-account:ci/runner","service-account","ci","runner","unknown",')
  })

  test('a role that could not be read is no dead one', async () => {
    const { out } = await kube('what-can', 'group:ops')
    expect(out).toContain(
      'What else is given to it could not be read:\n    RoleBinding payments/own: ClusterRole company-ops\n',
    )
    expect(out).not.toContain('Of this nothing comes')
    const nobody = await kube('what-can', 'payments/nobody')
    expect(nobody.out).toContain('there is no such role')
    const document = JSON.parse((await kube('what-can', 'group:ops', '--json')).out)
    expect(document.unknown).toMatchObject([{ role: { kind: 'ClusterRole', name: 'company-ops' } }])
  })

  test('M29 what a shipped role gives in the namespace is found, though nobody may list it', async () => {
    const { out } = await kube('review', '--json')
    const { findings } = JSON.parse(out) as { findings: { subject: string; grants: { role: string }[] }[] }
    const ofAdmin = findings.filter(({ grants }) => grants.some(({ role }) => role === 'ClusterRole admin'))
    expect([...new Set(ofAdmin.map(({ subject }) => subject))]).toEqual(['service-account:payments/deployer'])
  })

  test('the page names the namespace above its counts', async () => {
    const { out } = await kube('review', '--output', 'html')
    expect(plain(out)).toContain('<strong>Only what stands in namespace payments, or in none</strong>')
  })

  test.each([
    ['../x', 'Expected the name of a namespace'],
    ['-A', 'Expected the name of a namespace'],
    ['Payments', 'Expected the name of a namespace'],
  ])('M29 %s is no name, and is asked of nobody', async (name, sentence) => {
    const { code, errors } = await runKube(directory, ['review', `--read-namespace=${name}`], env)
    expect([code, errors]).toEqual([2, expect.stringContaining(sentence)])
  })

  test('manifests have no such choice', async () => {
    const { code, errors } = await kube('review', '--from', '.')
    expect([code, errors]).toEqual([2, expect.stringContaining("cannot be used with option '--from <path...>'")])
  })

  test('who may list nothing of all namespaces is told of the option', async () => {
    const { code, errors } = await runKube(directory, ['review'], env)
    expect([code, plain(errors)]).toEqual([1, expect.stringContaining('name them by --read-namespace')])
  })
})
