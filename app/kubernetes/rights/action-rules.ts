/**
 * What the gateway may do as people under constrained impersonation: what the rows of a cluster let anybody do, and what
 * kubectl asks before anything else. A cap, not a decision: the policy has judged by then, and the cluster judges the person.
 * Pure.
 */
import { namesIn } from '../../../rbac/actions.ts'
import { allowingRows } from '../../../rbac/asking/cluster-people.ts'
import type { Rule } from '../../../rbac/kubernetes/rule.ts'
import { kubernetesVerbs } from '../../../rbac/kubernetes/verbs.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { Row } from '../../../rbac/row.ts'
import type { NotCovered } from './impersonable.ts'

export interface ActionRules {
  /** For a ClusterRole that is bound everywhere. */
  readonly everywhere: readonly Rule[]
  readonly inNamespaces: ReadonlyMap<string, readonly Rule[]>
  /** Rows that say what no role can say. */
  readonly notCovered: readonly NotCovered[]
}

/** Of a role there are no prefixes of verbs: each is written out. */
const on = (verbs: readonly string[]): string[] => verbs.map(verb => `impersonate-on:user-info:${verb}`)

/** Without them kubectl fails with "unknown" as soon as its cache is cold. */
const asked: readonly Rule[] = [
  {
    nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', '/version', '/version/'],
    verbs: on(['get']),
  },
  {
    apiGroups: ['authorization.k8s.io'],
    resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    verbs: on(['create']),
  },
  { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: on(['create']) },
]

export function actionRules(policy: Pick<PolicySnapshot, 'rows'>, cluster: string): ActionRules {
  const everywhere: Rule[] = [...asked]
  const inNamespaces = new Map<string, Rule[]>()
  const notCovered: NotCovered[] = []
  for (const row of allowingRows(policy, `kube:${cluster}`)) {
    const spoken = readRow(row)
    if (typeof spoken === 'string') {
      notCovered.push({ who: row.resource, why: spoken, rule: row.id })
      continue
    }
    const { namespace, rules } = spoken
    if (namespace === undefined) everywhere.push(...rules)
    else inNamespaces.set(namespace, [...(inNamespaces.get(namespace) ?? []), ...rules])
  }
  return {
    everywhere: merged(everywhere),
    inNamespaces: new Map([...inNamespaces].sort().map(([namespace, rules]) => [namespace, merged(rules)])),
    notCovered,
  }
}

interface Spoken {
  /** Absent: in all of them, and outside of them. */
  readonly namespace?: string
  readonly rules: readonly Rule[]
}

const urls = 'nonResourceURLs'

/** The rules of a row, or why a role cannot say what it says. */
function readRow(row: Row): Spoken | string {
  const { resource } = row
  if (resource.startsWith('re:')) return 'a role has no expressions: write the row as a path'
  const segments = resource
    .split('/')
    .slice(1)
    .filter(segment => segment !== '')
  const isOpen = segments.at(-1) === '**'
  const parts = (isOpen ? segments.slice(0, -1) : segments).map(literalOf)
  if (parts[0] === urls) return { rules: urlRules(parts.slice(1), isOpen, row) }
  const rules = resourceRules(parts, isOpen, row)
  if (parts.length === 0) return { rules: [...rules, ...urlRules([], true, row)] }
  const [namespace] = parts
  return { rules, ...(namespace !== undefined && namespace !== '-' && { namespace }) }
}

/** `undefined`: any, or some that no role can name. */
function literalOf(segment: string): string | undefined {
  if (segment.includes('*')) return undefined
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

const ofUrlsAlone: ReadonlySet<string> = new Set(['head', 'post', 'put', 'options'])
const ofUrls: ReadonlySet<string> = new Set([...ofUrlsAlone, 'get', 'patch', 'delete'])
/** Asked of the policy alone. */
const ofPolicy = 'impersonate'

const verbsIn = ({ action }: Row): readonly string[] => (action === '*' ? kubernetesVerbs : namesIn(action))

function urlRules(parts: readonly (string | undefined)[], isOpen: boolean, row: Row): Rule[] {
  const verbs = verbsIn(row).filter(verb => ofUrls.has(verb))
  if (verbs.length === 0) return []
  const cut = parts.indexOf(undefined)
  const path = `/${parts.slice(0, cut === -1 ? undefined : cut).join('/')}`
  const below = path === '/' ? '/*' : `${path}/*`
  return [{ nonResourceURLs: cut !== -1 ? [below] : isOpen ? [path, below] : [path], verbs: on(verbs) }]
}

function resourceRules(parts: readonly (string | undefined)[], isOpen: boolean, row: Row): Rule[] {
  const verbs = verbsIn(row).filter(verb => verb !== ofPolicy && !ofUrlsAlone.has(verb))
  if (verbs.length === 0 || (parts.length < 3 && !isOpen)) return []
  const [, group, , name] = parts
  const resources = resourcesOf(parts, isOpen)
  const where = {
    apiGroups: [group === undefined ? '*' : group === 'core' ? '' : group],
    ...(name !== undefined && { resourceNames: [name] }),
  }
  const streams = verbs.includes('create') ? streamsAmong(where.apiGroups, resources) : []
  return [
    { ...where, resources, verbs: on(verbs) },
    // Over WebSocket a stream begins with GET, for which the policy was asked about `create`.
    ...(streams.length === 0 ? [] : [{ ...where, apiGroups: [''], resources: streams, verbs: on(['get']) }]),
  ]
}

/** `*` takes in subresources, `pods/*` is nothing that a role can say. */
function resourcesOf([, , resource, ...rest]: readonly (string | undefined)[], isOpen: boolean): string[] {
  const [, subresource] = rest
  const hasSubresource = rest.length >= 2
  if (resource === undefined) return hasSubresource && subresource !== undefined ? [`*/${subresource}`] : ['*']
  if (hasSubresource && subresource !== undefined) return [`${resource}/${subresource}`]
  const below = (subresources.get(resource) ?? usualSubresources).map(one => `${resource}/${one}`)
  if (hasSubresource) return below
  return isOpen ? [resource, ...below] : [resource]
}

const usualSubresources: readonly string[] = ['scale', 'status']
/** Of Kubernetes 1.37. */
const subresources: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'pods',
    ['attach', 'binding', 'ephemeralcontainers', 'eviction', 'exec', 'log', 'portforward', 'proxy', 'resize', 'status'],
  ],
  ['services', ['proxy', 'status']],
  ['nodes', ['proxy', 'status']],
  ['namespaces', ['finalize', 'status']],
  ['serviceaccounts', ['token']],
  ['certificatesigningrequests', ['approval', 'status']],
])

const streaming: readonly string[] = [
  'pods/exec',
  'pods/attach',
  'pods/portforward',
  'pods/proxy',
  'services/proxy',
  'nodes/proxy',
]

function streamsAmong(apiGroups: readonly string[], resources: readonly string[]): readonly string[] {
  if (!apiGroups.includes('') && !apiGroups.includes('*')) return []
  if (resources.includes('*')) return streaming
  return streaming.filter(
    stream => resources.includes(stream) || resources.includes(`*/${stream.slice(stream.indexOf('/') + 1)}`),
  )
}

/** What several rows say about the same is one rule. */
function merged(rules: readonly Rule[]): Rule[] {
  const known = new Map<string, Rule>()
  for (const { verbs, ...where } of rules) {
    const key = JSON.stringify([where.apiGroups, where.resources, where.resourceNames, where.nonResourceURLs])
    const before = known.get(key)?.verbs ?? []
    known.set(key, { ...where, verbs: [...new Set([...before, ...verbs])].sort() })
  }
  return [...known.values()]
}
