/**
 * A review of a real cluster: of one with nothing in it, and of one where people work, by each way of reading it. Whoever may read a
 * part of it is told what the rest is.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askedKinds } from '../../../app/kubernetes/reading/kinds-asked.ts'
import { createApiClient } from '../../kubernetes/api-client.ts'
import { type RunningCluster, startCluster } from '../../kubernetes/cluster.ts'
import { certificateUser, type Kubeconfig } from '../../kubernetes/kubectl.ts'
import { requireClusterPrograms } from '../../kubernetes/programs.ts'
import { type BuiltCall, builtCommand, type Printed } from './built.ts'
import { accounts } from './callers.ts'

const programs = requireClusterPrograms()
const rbac = '/apis/rbac.authorization.k8s.io/v1'
const golden = join(import.meta.dirname, 'stock-cluster.txt')

describe.skipIf(programs === undefined)('a review of a real cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-live-'))
  let cluster: RunningCluster
  let admin: Kubeconfig
  let run: (call: BuiltCall) => Promise<Printed>
  const byKubectl = (...args: string[]) => run({ args: [...args, '--kubeconfig', admin.path] })

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    admin = cluster.kubeconfig({ user: certificateUser(cluster.issueClient('root', ['system:masters'])) })
    run = builtCommand(programs, directory)
  }, 300_000)
  afterAll(async () => {
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  interface Document {
    readonly summary: { readonly findings: object; readonly expected: number; readonly serverVersion: string | null }
    readonly findings: readonly {
      readonly severity: string
      readonly move: string
      readonly subject: string
      readonly namespace: string | null
      readonly isExpected: boolean
    }[]
    readonly problems: readonly object[]
  }

  it('finds nothing open in a cluster with nothing in it, and counts what it folds', async () => {
    const { code, stdout, stderr } = await byKubectl('review', '--json', '--fail-on', 'low')
    const { summary, findings, problems } = JSON.parse(stdout) as Document
    expect(problems).toEqual([])
    expect(findings.filter(({ isExpected }) => !isExpected)).toEqual([])
    expect(summary.findings).toEqual({ low: 0, medium: 0, high: 0, critical: 0 })
    expect([code, stderr]).toEqual([0, ''])
    expect(summary.expected).toBe(findings.length)
    expect(summary.serverVersion).toBe('1.37')
    const lines = findings.map(one => `${one.severity} ${one.subject} ${one.move} ${one.namespace ?? '-'}`).sort()
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(golden)
    const { stdout: text } = await byKubectl('review')
    expect(text).toContain(`${summary.expected} `)
    expect(text).not.toContain('Taken as Kubernetes')
  })

  it('finds the same by kubectl, from within a pod, and in what kubectl printed', { timeout: 200_000 }, async () => {
    for (const name of ['shop', 'bank', 'iam']) await cluster.createNamespace(name)
    for (const [namespace, name] of accounts.map(one => one.split('/')))
      await cluster.api.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } })
    await cluster.createPod({ namespace: 'shop', name: 'core' })
    await cluster.kubectl({ version: '1.37', args: ['apply', '-f', join(import.meta.dirname, 'world.yml')] })
    await bindTo('reader', 'ClusterRole', 'everything', 'shop/default')
    await expect.poll(() => lists('shop', 'default', '/api/v1/nodes'), { timeout: 60_000 }).toBe(200)

    // Of a pod: two variables, and a folder with what the kubelet puts there.
    const [mounted, host] = [join(directory, 'mounted'), new URL(cluster.url)]
    mkdirSync(mounted)
    writeFileSync(join(mounted, 'token'), await cluster.serviceAccountToken('shop', 'default'))
    writeFileSync(join(mounted, 'ca.crt'), cluster.authority)
    const env = { KUBERNETES_SERVICE_HOST: host.hostname, KUBERNETES_SERVICE_PORT: host.port }
    const inPod = (...args: string[]) => run({ args: [...args, '--in-cluster', '--service-account-dir', mounted], env })
    const kinds = askedKinds.map(({ resource }) => resource).join()
    const dumped = await cluster.kubectl({ version: '1.37', args: ['get', kinds, '-A', '-o', 'json'] })
    expect(dumped.code).toBe(0)
    const fromDump = (...args: string[]) => run({ args: [...args, '--from', '-'], stdin: dumped.stdout })
    const byContext = (...args: string[]) =>
      run({ args: [...args, '--context', 'test'], env: { KUBECONFIG: admin.path } })

    const commands = [
      ['review', '--json', '--server-version', '1.37'],
      ['review', '--to', 'cluster-admin', '--json'],
      ['inventory', '--json'],
      ['who-can', 'get', 'secrets', '--eventual', '--json'],
      ['what-can', 'iam/speaker', '--json'],
    ]
    for (const command of commands) {
      const ways = command[0] === 'review' ? [byKubectl, byContext, inPod, fromDump] : [byKubectl, inPod, fromDump]
      const [first, ...others] = ways.map(way => way(...command))
      const expected = withoutPlaces((await first) as Printed)
      expect(expected.length).toBeGreaterThan(0)
      for (const other of others) expect(withoutPlaces(await other), command.join(' ')).toEqual(expected)
    }
    const { summary } = JSON.parse((await inPod('review', '--json')).stdout) as Document
    expect(summary.serverVersion).toBe('1.37')
    expect((await fromDump('review')).stdout).toContain('Taken as Kubernetes 1.35 or later')
  })

  it('says in every output what it may not read', { timeout: 200_000 }, async () => {
    const narrow = cluster.kubeconfig({ user: { token: await cluster.serviceAccountToken('bank', 'default') } })
    const asNarrow = (...args: string[]) => run({ args: [...args, '--kubeconfig', narrow.path] })
    await cluster.api.call('POST', `${rbac}/namespaces/bank/roles`, {
      metadata: { name: 'reads-bank' },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list'] }],
    })
    await bindTo('reads-bank', 'Role', 'reads-bank', 'bank/default', 'bank')
    await expect.poll(() => lists('bank', 'default', '/api/v1/namespaces/bank/pods'), { timeout: 60_000 }).toBe(200)
    // Of one namespace alone: nothing is listed of all of them.
    for (const args of [
      ['review'],
      ['inventory', '--json'],
      ['who-can', 'get', 'pods'],
      ['what-can', 'bank/default'],
    ]) {
      const { code, stdout, stderr } = await asNarrow(...args)
      expect([code, stdout], args.join(' ')).toEqual([1, ''])
      expect(stderr).toContain('nothing of the cluster could be read')
      expect(stderr).toMatch(/ClusterRoleBinding: none of this kind is read/)
    }

    // These are read by that name, by kubectl and from within a pod; and what is in bank is what whoever sees everything sees of it.
    const mounted = join(directory, 'narrow')
    mkdirSync(mounted)
    writeFileSync(join(mounted, 'token'), await cluster.serviceAccountToken('bank', 'default'))
    writeFileSync(join(mounted, 'ca.crt'), cluster.authority)
    const host = new URL(cluster.url)
    const env = { KUBERNETES_SERVICE_HOST: host.hostname, KUBERNETES_SERVICE_PORT: host.port }
    const inPod = (...args: string[]) => run({ args: [...args, '--in-cluster', '--service-account-dir', mounted], env })
    const bank = ['--read-namespace', 'bank', '--scan-secrets']
    const [ofBank, ofAll] = [await asNarrow('inventory', '--json', ...bank), await byKubectl('inventory', '--json')]
    const accountsIn = ({ stdout }: Printed) =>
      (
        JSON.parse(stdout) as { identities: { kind: string; namespace?: string; isMissing: boolean; name: string }[] }
      ).identities
        .filter(({ kind, namespace }) => kind === 'service-account' && namespace === 'bank')
        .map(({ name, isMissing }) => [name, isMissing])
    expect(accountsIn(ofBank).length).toBeGreaterThan(3)
    expect(accountsIn(ofBank)).toEqual(accountsIn(ofAll))
    const { problems } = JSON.parse(ofBank.stdout) as { problems: { code: string; object?: string }[] }
    const said = problems.filter(({ code }) => code !== 'assumed-role' && code !== 'unknown-role')
    expect(said.map(({ code, object = '' }) => `${code} ${object}`).sort()).toEqual([
      ...['CertificateSigningRequest', 'ClusterRole', 'ClusterRoleBinding'].map(kind => `not-permitted ${kind}`),
      ...['not-permitted Node', 'other-namespaces '],
    ])
    // What either server said differs by a word of kubectl.
    const byApi = await inPod('inventory', '--json', ...bank)
    expect(withoutPlaces(byApi, ['message'])).toEqual(withoutPlaces(ofBank, ['message']))

    await cluster.api.call('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'reads-some' },
      rules: [{ apiGroups: [''], resources: ['namespaces', 'serviceaccounts'], verbs: ['get', 'list'] }],
    })
    await bindTo('reads-some', 'ClusterRole', 'reads-some', 'bank/default')
    await expect.poll(() => lists('bank', 'default', '/api/v1/serviceaccounts'), { timeout: 60_000 }).toBe(200)
    const unread = askedKinds.map(({ kind }) => kind).filter(kind => !['Namespace', 'ServiceAccount'].includes(kind))
    const outputs: readonly [string[], keyof Omit<Printed, 'code'>][] = [
      [['review'], 'stdout'],
      [['review', '--output', 'json'], 'stdout'],
      [['review', '--output', 'csv'], 'stderr'],
      [['review', '--output', 'sarif'], 'stdout'],
      [['inventory', '--json'], 'stdout'],
      [['inventory', '--csv'], 'stderr'],
      [['who-can', 'get', 'pods'], 'stdout'],
      [['what-can', 'bank/default', '--json'], 'stdout'],
    ]
    for (const [args, where] of outputs) {
      const printed = await asNarrow(...args)
      expect(printed.code, args.join(' ')).toBe(0)
      for (const kind of unread)
        expect(printed[where].replaceAll(/\s+/g, ' '), args.join(' ')).toMatch(new RegExp(`\\b${kind}\\b`))
    }
    // A check that may not list the bindings has not passed.
    const checked = await asNarrow('review', '--fail-on', 'critical')
    expect([checked.code, checked.stderr.replaceAll(/\s+/g, ' ')]).toEqual([
      1,
      expect.stringContaining('rights may stand in what was not read'),
    ])
  })

  it('takes no version of a server for another', async () => {
    const { code, stderr } = await byKubectl('review', '--server-version', 'new')
    expect([code, stderr]).toEqual([2, expect.stringContaining('Expected a version, such as 1.34')])
  })

  async function bindTo(name: string, kind: string, role: string, account: string, where?: string): Promise<void> {
    const [namespace, accountName] = account.split('/')
    const path = where === undefined ? `${rbac}/clusterrolebindings` : `${rbac}/namespaces/${where}/rolebindings`
    await cluster.api.call('POST', path, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
      subjects: [{ kind: 'ServiceAccount', namespace, name: accountName }],
    })
  }

  async function lists(namespace: string, name: string, path: string): Promise<number> {
    const token = await cluster.serviceAccountToken(namespace, name)
    const client = createApiClient({ url: cluster.url, authority: cluster.authority, token })
    const { status } = await client.ask('GET', path)
    client.close()
    return status
  }
})

/** Where an object stood is what differs by the way that it was read. */
function withoutPlaces({ code, stdout, stderr }: Printed, others: readonly string[] = []): string {
  expect([code, stderr]).toEqual([0, ''])
  // A dump does not say that there was none of a kind.
  const different = ['place', 'kindsNotRead', ...others]
  const drop = (key: string, value: unknown): unknown => (different.includes(key) ? undefined : value)
  return JSON.stringify(JSON.parse(stdout), drop, 1)
}
