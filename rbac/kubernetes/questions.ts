/**
 * What the policy is asked about a call to an API server (docs/policy.md, "Kubernetes").
 *
 * Most calls are one question: the server's verb, and `/<namespace or ->/<group or core>/<resource>[/<name>[/<subresource>]]`.
 * Others do more than their verb says, and the server judges that as well.
 */
import type { KubernetesNonResourceRequest, KubernetesResourceRequest } from './request.ts'
import { encodeSegment } from './segments.ts'

export interface KubernetesQuestion {
  /** Action of the policy. */
  readonly action: string
  /** Resource of the policy. */
  readonly resource: string
  /** `no-deny`: no row has to allow it, and no row may deny it. */
  readonly need: 'allow' | 'no-deny'
}

/** A call passes when every one of them does; the first is what it is about. */
export type KubernetesQuestions = readonly [KubernetesQuestion, ...KubernetesQuestion[]]

/** What of a call is judged. */
export type AskedCall = AskedResource | Pick<KubernetesNonResourceRequest, 'kind' | 'verb' | 'path'>
type AskedResource = Named & Pick<KubernetesResourceRequest, 'kind' | 'verb' | 'stream' | 'isApply'>

/** Never a namespace, whose names have no capitals: so no path is that of a resource. */
const nonResource = '/nonResourceURLs'

export function questionsOf(request: AskedCall): KubernetesQuestions {
  if (request.kind === 'non-resource') {
    const path = request.path.split('/').map(encodeSegment).join('/')
    return [allow(request.verb, `${nonResource}${path}`)]
  }
  const { verb } = request
  const resource = resourceOf(request)
  if (isStream(request)) return [allow('create', resource), ...(verb === 'create' ? [] : [noDeny(verb, resource)])]
  if (!mayCreate(request)) return [allow(verb, resource)]
  return [allow(verb, resource), allow('create', resourceOf(withoutName(request))), noDeny('create', resource)]
}

const allow = (action: string, resource: string): KubernetesQuestion => ({ action, resource, need: 'allow' })
const noDeny = (action: string, resource: string): KubernetesQuestion => ({ action, resource, need: 'no-deny' })

type Named = Pick<KubernetesResourceRequest, 'apiGroup' | 'resource' | 'namespace' | 'name' | 'subresource'>

function resourceOf({ namespace = '-', apiGroup, resource, name, subresource }: Named): string {
  const names = [namespace, apiGroup === '' ? 'core' : apiGroup, resource, name, subresource]
  return `/${names.flatMap(part => (part === undefined ? [] : [encodeSegment(part)])).join('/')}`
}

const withoutName = ({ name: _, subresource: __, ...request }: AskedResource): Named => request

const podStreams: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward'])

/**
 * Threat: kubectl opens exec with GET, and a row that lets people read would open a shell. What carries data both ways is
 * `create`, as the server asks since 1.35 for the three of a pod; here also through a proxy, where kubelets serve exec.
 */
function isStream({ apiGroup, resource, subresource = '', stream, verb }: AskedResource): boolean {
  const isOfPod = apiGroup === '' && resource === 'pods'
  if (verb === 'watch' || (isOfPod && subresource === 'log')) return false
  return stream !== 'none' || (isOfPod && podStreams.has(subresource) && (verb === 'get' || verb === 'create'))
}

/**
 * What a PUT makes where it is not there: their `AllowCreateOnUpdate` is true (k8s.io/kubernetes 1.37, pkg/registry).
 * A server-side apply makes anything. The server asks for `create` as well, once it knows that it will.
 */
const madeByUpdate: ReadonlySet<string> = new Set([
  '/endpoints',
  '/events',
  '/limitranges',
  '/services',
  'coordination.k8s.io/leasecandidates',
  'coordination.k8s.io/leases',
  'events.k8s.io/events',
  'node.k8s.io/runtimeclasses',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/roles',
])

function mayCreate({ verb, isApply, apiGroup, resource, subresource }: AskedResource): boolean {
  if (verb === 'patch') return isApply && subresource === undefined
  if (verb !== 'update' || !madeByUpdate.has(`${apiGroup}/${resource}`)) return false
  return subresource === undefined || subresource === 'status'
}

/** Whom a call asks to be judged as (`--as`, `--as-group`, `--as-uid`, `--as-user-extra`). */
export interface ImpersonatedSubject {
  readonly user: string
  readonly groups?: readonly string[]
  readonly uid?: string
  /** Values by key. */
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/**
 * One for each name, as the API server asks them: `impersonate` on users, groups, service accounts, uids and extras.
 * `undefined` for a name that has no path: an empty one, one of dots alone, or with control characters.
 */
export function impersonationQuestions(subject: ImpersonatedSubject): KubernetesQuestions | undefined {
  const { user, groups = [], uid, extra = {} } = subject
  const [, namespace, account] = serviceAccount.exec(user) ?? []
  const paths = [
    account === undefined ? ['-', 'core', 'users', user] : [namespace ?? '', 'core', 'serviceaccounts', account],
    ...groups.map(group => ['-', 'core', 'groups', group]),
    ...(uid === undefined ? [] : [['-', 'authentication.k8s.io', 'uids', uid]]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map(value => ['-', 'authentication.k8s.io', 'userextras', value, key]),
    ),
  ]
  const [first, ...others] = paths.map(names => names.map(escapeName))
  if (first === undefined || [first, ...others].some(names => names.includes(undefined))) return undefined
  const question = (names: readonly (string | undefined)[]) => allow('impersonate', `/${names.join('/')}`)
  return [question(first), ...others.map(question)]
}

/** What is no valid name of one is a user for the server. */
const serviceAccount =
  /^system:serviceaccount:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unwritable = /^(?:\.{0,2})$|[\x00-\x1f\x7f-\x9f]|[\ud800-\udfff]/u

/** Unlike the names of objects these may hold anything; what would end or cut a segment is written as its escape. */
function escapeName(name: string): string | undefined {
  if (unwritable.test(name)) return undefined
  return encodeSegment(name.replace(/[%/\\;?#]/g, encodeURIComponent))
}
