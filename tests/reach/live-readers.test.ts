/** A live cluster is read by kubectl, by the API itself, and by kubectl through our gateway: the same objects, and no secret. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCluster } from '../../app/kubernetes/gateway/upstream/cluster.ts'
import { readByApiServer } from '../../app/kubernetes/reading/api-server.ts'
import { readByKubectl } from '../../app/kubernetes/reading/kubectl.ts'
import { createApiCalls } from '../../app/kubernetes/rights/api-calls.ts'
import { aggregated } from '../../rbac/reach/aggregation.ts'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { shippedRoles } from '../../rbac/reach/reading/shipped-roles.ts'
import { type Authority, createAuthority } from '../certificates.ts'
import { type RunningCluster, startCluster } from '../kubernetes/cluster.ts'
import { createJudge, startWorld, type World } from '../kubernetes/gateway-world.ts'
import { certificateUser, type Kubeconfig } from '../kubernetes/kubectl.ts'
import { requireClusterPrograms } from '../kubernetes/programs.ts'

const programs = requireClusterPrograms()
const rbac = '/apis/rbac.authorization.k8s.io/v1'
/** The API server takes any text, and kubectl prints it as it is. */
const oddType = 'x","metadata":{}}\n{"apiVersion":"v1","kind":"Node","metadata":{"name":"made-up"}}\n{"x":"'
const hidden = 'T3BlbiBzZXNhbWUgb2YgdGVzdHM='

describe.skipIf(programs === undefined)('a live cluster', () => {
  let cluster: RunningCluster
  let whole: ClusterObjects

  const byKubectl = async (kubeconfig: Kubeconfig, scansSecrets = true): Promise<ClusterObjects> => {
    const reading = createReading({ assumesShippedRoles: false })
    const env = { PATH: process.env.PATH, HOME: kubeconfig.home }
    const program = programs?.kubectl['1.37'] ?? ''
    const said: string[] = []
    await readByKubectl(
      { kubeconfig: kubeconfig.path, program, scansSecrets, env, onLogin: text => void said.push(text) },
      { reading, progress: () => undefined },
    )
    return reading.finish()
  }
  const admin = () => cluster.kubeconfig({ user: certificateUser(cluster.issueClient('admin', ['system:masters'])) })

  /** What does not change while the cluster goes on: places differ by reader. */
  const shapeOf = ({ roles, bindings, serviceAccounts, secrets, workloads, namespaces }: ClusterObjects) =>
    [roles, bindings, serviceAccounts, secrets, workloads, namespaces].map(list =>
      list
        .map(({ place: _, ...object }) => object)
        .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
    )

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    await cluster.api.call('POST', '/api/v1/namespaces/payments/secrets', {
      metadata: { name: 'key', annotations: { 'example.com/note': 'x' } },
      type: 'example.com/kind',
      data: { token: hidden },
    })
    await cluster.api.call('POST', '/api/v1/namespaces/payments/secrets', { metadata: { name: 'odd' }, type: oddType })
    whole = await byKubectl(admin())
  }, 400_000)
  afterAll(() => cluster?.stop())

  it('M36 is read by kubectl: every kind, Secrets by name and type alone', () => {
    expect(whole.problems).toEqual([])
    expect(whole.workloads).toMatchObject([
      { kind: 'Pod', name: 'core', namespace: 'payments', serviceAccount: 'default' },
    ])
    expect(whole.secrets).toMatchObject([
      { name: 'key', namespace: 'payments', type: 'example.com/kind', annotations: { 'example.com/note': 'x' } },
      { name: 'odd', namespace: 'payments', type: oddType },
    ])
    expect(whole.nodes.length).toBe(1)
    expect(JSON.stringify(whole)).not.toContain(hidden)
  })

  it('has the roles that manifests may count on, as they are written down here', () => {
    const theirs = new Map(whole.roles.map(role => [role.kind === 'ClusterRole' ? role.name : '', role]))
    for (const { name, rules, labels } of aggregated([...shippedRoles.values()])) {
      expect(rules, name).toEqual(theirs.get(name)?.rules)
      expect(labels, name).toEqual(theirs.get(name)?.labels)
    }
    const others = [...theirs.keys()].filter(name => name !== '' && !shippedRoles.has(name))
    expect(others.filter(name => !name.startsWith('system:controller:'))).toEqual([])
  })

  it('is read page by page by the API, and is the same', async () => {
    const { certificate, key } = cluster.issueClient('reader', ['system:masters'])
    const upstream = createCluster({
      name: 'prod',
      access: {
        server: cluster.url,
        authority: { text: cluster.authority },
        credential: { kind: 'certificate', certificate: { text: certificate }, key: { text: key } },
      },
      onError: () => undefined,
    })
    const reading = createReading({ assumesShippedRoles: false })
    const targets: string[] = []
    const api = createApiCalls(upstream)
    // Pages of ten, so that there are several.
    const call: typeof api = one => {
      targets.push(one.target)
      return api({ ...one, target: one.target.replace('limit=500', 'limit=10') })
    }
    await readByApiServer({ call, source: 'cluster', scansSecrets: true }, { reading, progress: () => undefined })
    upstream.close()
    const objects = reading.finish()
    expect(objects.problems).toEqual([])
    expect(targets.filter(target => target.includes('continue=')).length).toBeGreaterThan(5)
    expect(shapeOf(objects)).toEqual(shapeOf(whole))
    expect(JSON.stringify(objects)).not.toContain(hidden)
  })

  it('is read as far as somebody may, and the rest is told of', async () => {
    await cluster.api.call('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'some' },
      rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['get', 'list'] }],
    })
    await cluster.api.call('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: 'some' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'some' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'payments', name: 'default' }],
    })
    const token = await cluster.serviceAccountToken('payments', 'default')
    await expect
      .poll(async () => (await byKubectl(cluster.kubeconfig({ user: { token } }))).roles.length, { timeout: 60_000 })
      .toBeGreaterThan(whole.roles.length)
    const objects = await byKubectl(cluster.kubeconfig({ user: { token } }))
    expect(objects.bindings.length).toBe(whole.bindings.length + 1)
    const kinds = objects.problems.map(({ object }) => object)
    expect(objects.problems.map(({ code }) => code)).toEqual(kinds.map(() => 'not-permitted'))
    expect(kinds).toEqual(expect.arrayContaining(['Secret', 'Pod', 'ServiceAccount', 'Node']))
    expect(objects.problems[0]?.message).toContain('cannot list resource')
    expect(objects.kindsRead).not.toContain('ServiceAccount')
  })

  it('is not read by somebody whom it does not know', async () => {
    await expect(byKubectl(cluster.kubeconfig({ user: { token: 'made-up' } }))).rejects.toThrow(
      'kubectl does not reach the cluster',
    )
  })

  it('is read by kubectl through the gateway, as the person', async () => {
    const authority: Authority = createAuthority('authority of the gateway')
    const { certificate, key } = cluster.issueClient('gateway', ['system:masters'])
    const world: World = await startWorld({
      authority,
      access: {
        server: cluster.url,
        authority: { text: cluster.authority },
        credential: { kind: 'certificate', certificate: { text: certificate }, key: { text: key } },
      },
    })
    try {
      const alice = { user: 'alice@example.com', groups: ['sallyport:ops'], extra: {} }
      world.judge(createJudge(world.admitted, () => undefined, alice))
      await cluster.api.call('POST', `${rbac}/clusterrolebindings`, {
        metadata: { name: 'ops' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'sallyport:ops' }],
      })
      const kubeconfig = () =>
        cluster.kubeconfig({
          server: `https://localhost:${world.port}/clusters/prod`,
          authority: authority.certificate,
          user: { token: 'of-alice' },
        })
      await expect.poll(async () => (await byKubectl(kubeconfig())).problems, { timeout: 60_000 }).toEqual([])
      expect(shapeOf(await byKubectl(kubeconfig()))).toEqual(shapeOf(await byKubectl(admin())))
      expect(world.admitted.length).toBeGreaterThan(15)
    } finally {
      await world.close()
      authority.close()
    }
  })
})
