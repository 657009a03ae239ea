/**
 * A day's work of everybody, as calls that leave nothing behind: it can be done again, and each call has the same answer again, as
 * long as everybody may still do what he did.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RunningCluster } from '../../kubernetes/cluster.ts'
import { type Caller, type Callers, namespaces } from './callers.ts'

interface Call {
  readonly who: Caller
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

const merge = 'application/merge-patch+json'
const apply = 'application/apply-patch+yaml'
const core = (namespace: string, rest: string): string => `/api/v1/namespaces/${namespace}/${rest}`
const apps = (namespace: string, rest: string): string => `/apis/apps/v1/namespaces/${namespace}/${rest}`
const rbacIn = (namespace: string, rest: string): string =>
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/${rest}`

type Rest = Omit<Call, 'who' | 'method' | 'path'>
const as =
  (who: Caller, headers?: Readonly<Record<string, string>>) =>
  (method: string, path: string, rest: Rest = {}): Call => ({
    who,
    method,
    path,
    ...(headers !== undefined && { headers }),
    ...rest,
  })

const configMap = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
})
const deployment = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'main', image: 'example.test/main:1' }] },
    },
  },
})
const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'm:1' }] },
})

const discovery = ['/api', '/apis', '/api/v1', '/apis/apps/v1', '/version', '/openapi/v3']

function administration(): Call[] {
  const root = as('iam/root')
  return [
    ...namespaces.flatMap(namespace => [
      root('POST', core(namespace, 'configmaps'), { body: configMap('seal') }),
      root('GET', core(namespace, 'configmaps/seal')),
      root('PUT', core(namespace, 'configmaps/seal'), { body: configMap('seal') }),
      root('DELETE', core(namespace, 'configmaps/seal')),
    ]),
    root('GET', '/api/v1/nodes'),
    root('GET', '/api/v1/secrets?limit=2'),
    root('GET', '/metrics'),
    root('GET', '/healthz/ping'),
    root('GET', '/logs/'),
    root('PATCH', core('shop', 'serviceaccounts/robot'), { body: { metadata: { labels: { a: 'b' } } }, type: merge }),
    root('GET', apps('shop', 'controllerrevisions')),
    root('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/view'),
    // Nothing is there, and the right to ask was used all the same.
    root('GET', core('shop', 'endpoints/none')),
    root('POST', core('shop', 'serviceaccounts/robot/token'), { body: { spec: { expirationSeconds: 600 } } }),
  ]
}

function delivery(who: 'shop/deployer' | 'bank/deployer', namespace: string, name: string): Call[] {
  const call = as(who)
  const one = apps(namespace, `deployments/${name}`)
  return [
    ...discovery.map(path => call('GET', path)),
    call('POST', apps(namespace, 'deployments'), { body: deployment(name) }),
    call('GET', one),
    call('PATCH', one, { body: { metadata: { labels: { step: 'two' } } }, type: merge }),
    call('GET', `${one}/scale`),
    call('PATCH', `${one}/scale`, { body: { spec: { replicas: 0 } }, type: merge }),
    call('GET', `${one}/status`),
    call('PATCH', `${one}/status`, { body: { status: { observedGeneration: 1 } }, type: merge }),
    // Makes it, and is asked for `create` too.
    call('PATCH', apps(namespace, `deployments/${name}-applied?fieldManager=ci`), {
      body: deployment(`${name}-applied`),
      type: apply,
    }),
    call('PATCH', apps(namespace, `deployments/${name}-applied?fieldManager=ci`), {
      body: deployment(`${name}-applied`),
      type: apply,
    }),
    call('DELETE', apps(namespace, `deployments/${name}-applied`)),
    call('GET', apps(namespace, 'deployments')),
    call('GET', apps(namespace, 'deployments?watch=true&timeoutSeconds=1')),
    call('GET', core(namespace, 'pods?labelSelector=app%3Dcore')),
    call('GET', '/apis/apps/v1/deployments?limit=1'),
    call('GET', core(namespace, 'secrets/tls')),
    call('DELETE', one),
    call('DELETE', apps(namespace, `deployments?labelSelector=app%3D${name}`)),
    // Not his.
    call('GET', core(namespace, 'configmaps')),
    call('DELETE', core(namespace, 'pods/core')),
  ]
}

function keeping(): Call[] {
  const [editor, summed, keeper, owner] = [as('shop/editor'), as('bank/summed'), as('bank/keeper'), as('shop/owner')]
  const ledger = core('bank', 'configmaps/ledger')
  return [
    editor('POST', core('shop', 'services'), {
      body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'front' }, spec: { ports: [{ port: 80 }] } },
    }),
    editor('GET', core('shop', 'services')),
    editor('DELETE', core('shop', 'services/front')),
    editor('POST', core('shop', 'configmaps'), { body: configMap('edited') }),
    editor('PATCH', core('shop', 'configmaps/edited'), { body: { data: { a: 'b' } }, type: merge }),
    editor('DELETE', core('shop', 'configmaps?labelSelector=none%3Dnone')),
    editor('DELETE', core('shop', 'configmaps/edited')),
    editor('GET', core('bank', 'configmaps')),
    editor('GET', core('shop', 'pods/core/log')),
    ...['one', 'two', 'three'].flatMap(name => [
      summed('POST', core('bank', 'configmaps'), { body: configMap(name) }),
      summed('GET', core('bank', `configmaps/${name}`)),
      summed('DELETE', core('bank', `configmaps/${name}`)),
    ]),
    summed('DELETE', core('bank', 'configmaps?labelSelector=none%3Dnone')),
    summed('GET', core('bank', 'secrets/tls')),
    summed('GET', core('bank', 'secrets?fieldSelector=metadata.name%3Dtls')),
    summed('GET', core('bank', 'secrets')),
    keeper('POST', core('bank', 'configmaps'), { body: configMap('ledger') }),
    keeper('GET', ledger),
    keeper('PUT', ledger, { body: configMap('ledger') }),
    keeper('PATCH', ledger, { body: { data: { a: 'b' } }, type: merge }),
    keeper('GET', core('bank', 'configmaps?fieldSelector=metadata.name%3Dledger')),
    keeper('GET', core('bank', 'configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dledger')),
    keeper('GET', core('bank', 'configmaps')),
    keeper('DELETE', ledger),
    keeper('PATCH', core('bank', 'configmaps/spare?fieldManager=k'), { body: configMap('spare'), type: apply }),
    keeper('DELETE', core('bank', 'configmaps/spare')),
    keeper('GET', core('bank', 'secrets/db')),
    keeper('GET', core('bank', 'secrets/third')),
    keeper('POST', core('bank', 'serviceaccounts/robot/token'), { body: { spec: { expirationSeconds: 600 } } }),
    owner('GET', apps('shop', 'deployments/owned')),
    owner('DELETE', core('shop', 'configmaps/part')),
  ]
}

function people(): Call[] {
  const [prober, alice, dan, ops] = [as('prober@example.com'), as('alice'), as('dan'), as('ops')]
  return [
    ...['/metrics', '/healthz', '/healthz/ping', '/livez', '/livez/ping', '/openapi/v3'].map(path =>
      prober('GET', path),
    ),
    prober('GET', '/api/v1/nodes'),
    prober('GET', '/api/v1/nodes/node-1'),
    prober('GET', '/api/v1/namespaces'),
    prober('GET', '/apis/metrics.k8s.io/v1beta1/nodes'),
    prober('GET', '/logs/'),
    alice('GET', core('shop', 'pods')),
    alice('POST', core('shop', 'pods'), { body: pod('job-x7b2c') }),
    alice('PATCH', core('shop', 'pods/job-x7b2c'), { body: { metadata: { labels: { a: 'b' } } }, type: merge }),
    alice('PATCH', core('shop', 'pods/job-x7b2c/status'), { body: { status: { phase: 'Running' } }, type: merge }),
    alice('POST', core('shop', 'pods/job-x7b2c/eviction?dryRun=All'), {
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'job-x7b2c' } },
    }),
    alice('DELETE', core('shop', 'pods/job-x7b2c?gracePeriodSeconds=0')),
    dan('GET', core('shop', 'pods/core')),
    dan('GET', core('shop', 'pods/core/log')),
    dan('DELETE', core('shop', 'configmaps?labelSelector=none%3Dnone')),
    dan('GET', core('bank', 'pods')),
    ops('GET', core('shop', 'services')),
    ops('GET', core('shop', 'pods/core/log')),
    ops('POST', core('shop', 'services'), {
      body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'own' }, spec: { ports: [{ port: 80 }] } },
    }),
    ops('DELETE', core('shop', 'services/own')),
  ]
}

function identities(): Call[] {
  const bob = { 'Impersonate-User': 'bob', 'Impersonate-Group': 'contractors' }
  const session = { 'Impersonate-Extra-example.com%2fsession': 's1', 'Impersonate-Uid': 'u1' }
  const [spoken, narrow] = [as('iam/speaker', { ...bob, ...session }), as('iam/careful', bob)]
  const [binder, approver] = [as('iam/binder'), as('iam/approver')]
  const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name })
  const subjects = [{ kind: 'ServiceAccount', namespace: 'shop', name: 'robot' }]
  const binding = (name: string, ref: object) => ({ metadata: { name }, roleRef: ref, subjects })
  return [
    ...discovery.map(path => spoken('GET', path)),
    spoken('GET', core('shop', 'pods')),
    spoken('GET', core('shop', 'configmaps/kube-root-ca.crt')),
    spoken('GET', core('bank', 'configmaps')),
    spoken('GET', core('bank', 'secrets')),
    spoken('POST', core('bank', 'configmaps'), { body: configMap('of-bob') }),
    spoken('DELETE', core('bank', 'configmaps/of-bob')),
    as('iam/speaker', { 'Impersonate-User': 'dave' })('GET', core('bank', 'configmaps')),
    as('iam/speaker')('GET', core('bank', 'configmaps')),
    narrow('GET', core('shop', 'pods')),
    narrow('GET', core('bank', 'configmaps')),
    narrow('GET', core('bank', 'configmaps/kube-root-ca.crt')),
    narrow('GET', core('bank', 'secrets')),
    binder('POST', rbacIn('shop', 'roles'), {
      body: { metadata: { name: 'more' }, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] },
    }),
    binder('POST', rbacIn('shop', 'rolebindings'), { body: binding('more', roleRef('Role', 'more')) }),
    binder('POST', rbacIn('shop', 'rolebindings'), { body: binding('maps', roleRef('ClusterRole', 'part-maps')) }),
    binder('POST', rbacIn('shop', 'rolebindings'), { body: binding('no', roleRef('ClusterRole', 'cluster-admin')) }),
    binder('GET', rbacIn('shop', 'rolebindings')),
    ...['more', 'maps'].map(name => binder('DELETE', rbacIn('shop', `rolebindings/${name}`))),
    binder('DELETE', rbacIn('shop', 'roles/more')),
    approver('GET', '/apis/certificates.k8s.io/v1/certificatesigningrequests'),
  ]
}

export const everyCall = (): readonly Call[] => [
  ...administration(),
  ...delivery('shop/deployer', 'shop', 'core'),
  ...delivery('shop/deployer', 'bank', 'core'),
  ...delivery('bank/deployer', 'bank', 'side'),
  ...keeping(),
  ...people(),
  ...identities(),
]

/** What was asked, and how it was answered. */
export async function work(cluster: RunningCluster, callers: Callers): Promise<readonly string[]> {
  const said: string[] = []
  const ask = async ({ who, method, path, body, type, headers }: Call): Promise<string> => {
    const content = type === undefined ? {} : { 'content-type': type }
    const { status, text } = await callers.clientOf(who).ask(method, path, body, { ...headers, ...content })
    said.push(`${who}${headers === undefined ? '' : ' as somebody'} ${method} ${path} ${status}`)
    return text
  }
  for (const call of everyCall()) await ask(call)
  await owning(ask)
  await approving(ask)
  for (const { who, args, stdin } of commands) {
    const kubeconfig = callers.kubeconfigOf(who)
    const { code, stderr } = await cluster.kubectl({ version: '1.37', kubeconfig, args, ...(stdin && { stdin }) })
    said.push(`${who} kubectl ${args.join(' ')} ${code}${code === 0 ? '' : ` ${stderr.trim()}`}`)
  }
  return said
}

type Ask = (call: Call) => Promise<string>

/** The owner is asked for, who is to be kept from deletion. */
async function owning(ask: Ask): Promise<void> {
  const owner = as('shop/owner')
  const { metadata } = JSON.parse(await ask(owner('GET', apps('shop', 'deployments/owned')))) as {
    readonly metadata: { readonly uid: string }
  }
  const [name, uid] = ['owned', metadata.uid]
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, blockOwnerDeletion: true }]
  await ask(owner('POST', core('shop', 'configmaps'), { body: configMap('part', { ownerReferences }) }))
  await ask(owner('DELETE', core('shop', 'configmaps/part')))
}

async function approving(ask: Ask): Promise<void> {
  const approver = as('iam/approver')
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', '/dev/null']
  const { stdout: request } = await promisify(execFile)('openssl', ['req', '-new', ...curve, '-subj', '/CN=erin'])
  const [signerName, usages] = ['kubernetes.io/kube-apiserver-client', ['client auth']]
  const spec = { request: Buffer.from(request).toString('base64'), signerName, usages }
  const made = JSON.parse(await ask(approver('POST', path, { body: { metadata: { name: 'erin' }, spec } }))) as object
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Known' }]
  await ask(approver('PUT', `${path}/erin/approval`, { body: { ...made, status: { conditions } } }))
  await ask(approver('DELETE', `${path}/erin`))
}

const commands: readonly { readonly who: Caller; readonly args: readonly string[]; readonly stdin?: string }[] = [
  { who: 'alice', args: ['exec', '-n', 'shop', 'core', '--', 'true'] },
  { who: 'alice', args: ['logs', '-n', 'shop', 'core'] },
  { who: 'alice', args: ['apply', '-n', 'shop', '-f', '-'], stdin: JSON.stringify(configMap('applied')) },
  { who: 'alice', args: ['apply', '--server-side', '-n', 'shop', '-f', '-'], stdin: JSON.stringify(configMap('ssa')) },
  { who: 'alice', args: ['delete', 'configmap', '-n', 'shop', 'applied', 'ssa'] },
  { who: 'shop/deployer', args: ['create', 'deployment', '-n', 'shop', 'cli', '--image=m:1', '--replicas=0'] },
  { who: 'shop/deployer', args: ['scale', 'deployment', '-n', 'shop', 'cli', '--replicas=0'] },
  { who: 'shop/deployer', args: ['delete', 'deployment', '-n', 'shop', 'cli'] },
  { who: 'dan', args: ['exec', '-n', 'bank', 'core', '--', 'true'] },
  { who: 'iam/root', args: ['get', 'all', '-n', 'team-3'] },
]
