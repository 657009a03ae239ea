/**
 * Rights: what a move needs, and how much of it a rule of a role gives. The comparing itself is rbac/kubernetes/rule.ts;
 * here stands which question of the API server a right is, and whether that question carries a name.
 */
import { type Rule, rulesAllow } from '../../kubernetes/rule.ts'
import { isClusterResource } from '../cluster-resources.ts'

export interface Right {
  /** Any of them is enough. */
  readonly verbs: readonly string[]
  readonly group: string
  /** Without its subresource. */
  readonly resource: string
  /** `anySubresource`: whichever the rule has (`userextras/KEY`). */
  readonly subresource?: string
  /** Where only some names matter (signers, `aws-auth`): which. A rule without names has them all. */
  readonly names?: (name: string) => boolean
  /** Of `nonResourceURLs`: prefixes; `resource` is empty then. */
  readonly paths?: readonly string[]
  /** Of a whole rule, where no question of the API server says it: wildcards. */
  readonly matches?: (rule: Rule) => boolean
  /** Counts only for servers before this minor version of Kubernetes 1. */
  readonly before?: number
  /** Requests for it carry no namespace: a RoleBinding never gives it. */
  readonly isOfCluster: boolean
  /** It is about a namespace of its own: beside what is given in one namespace it counts in whichever it is given. */
  readonly isAnywhere?: boolean
  /** Of a create: the right to patch the same, with which a create that is limited to names is good for something. */
  readonly applied?: Right
}

/** How much of a right one rule gives. */
export interface Hit {
  readonly verbs: readonly string[]
  /** Absent: all names. */
  readonly names?: readonly string[]
  /** Counts only for names that may be patched too, by whichever rule (`Right.applied`). */
  readonly isByApply?: boolean
}

export const anySubresource = '<any>'
const coreGroup = ''

type More = Partial<Pick<Right, 'names' | 'paths' | 'matches' | 'before' | 'isAnywhere'>>

const plain = new Map<string, Right>()

/**
 * @param verbs with spaces between: any of them is enough
 * @param resource `pods`, `pods/exec`, or with its group: `deployments.apps`
 * @returns the same object for the same right, so that each is looked for once
 */
export function right(verbs: string, resource: string, more: More = {}): Right {
  const isPlain = more.names === undefined && more.matches === undefined
  const key = JSON.stringify([verbs, resource, more])
  const known = isPlain ? plain.get(key) : undefined
  if (known !== undefined) return known
  const made = makeRight(verbs, resource, more)
  if (isPlain) plain.set(key, made)
  return made
}

function makeRight(verbs: string, resource: string, more: More): Right {
  const [whole = '', subresource] = resource.split('/', 2)
  const dot = whole.indexOf('.')
  const [kind, group] = dot === -1 ? [whole, coreGroup] : [whole.slice(0, dot), whole.slice(dot + 1)]
  const isCreate = verbs.split(' ').includes('create') && subresource === undefined && more.paths === undefined
  return {
    verbs: verbs.split(' '),
    group,
    resource: kind,
    // Whether a role may be bound is asked in the namespace of the binding, for ClusterRoles as well.
    isOfCluster: more.paths !== undefined || (isClusterResource(group, kind) && verbs !== 'bind'),
    ...(subresource !== undefined && { subresource }),
    ...(isCreate && { applied: right('patch', resource) }),
    ...more,
  }
}

/** `deployments.apps`, `pods/exec`. */
export const resourceText = ({ group, resource, subresource, paths }: Right): string =>
  paths?.join(', ') ??
  `${resource}${group === coreGroup ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource === anySubresource ? 'KEY' : subresource}`}`

/**
 * Requests without a name in their address: a rule with resourceNames matches them only by a name that is empty. A create on a
 * subresource has the name of its object; list and watch have one when the client asks for `fieldSelector=metadata.name=…`;
 * escalate has that of the role that is written, and none for one that is created.
 */
const canBeNameless = (verb: string, { subresource }: Right): boolean =>
  ['list', 'watch', 'deletecollection', 'escalate'].includes(verb) || isPlainCreate(verb, subresource)

const isPlainCreate = (verb: string, subresource: string | undefined): boolean =>
  verb === 'create' && subresource === undefined

const holdsVerb = (verbs: readonly string[], verb: string): boolean => verbs.includes(verb) || verbs.includes('*')

/** Those that a rule can have at all, by the resources that it writes: most rules name two or three. */
export function candidatesAmong(rights: readonly Right[]): (rule: Rule) => readonly Right[] {
  const byResource = new Map<string, Right[]>()
  const always = rights.filter(({ matches, paths }) => matches !== undefined || paths !== undefined)
  for (const one of rights) {
    if (always.includes(one)) continue
    byResource.set(one.resource, [...(byResource.get(one.resource) ?? []), one])
  }
  return ({ resources = [] }) => {
    const kinds = new Set(resources.map(text => text.split('/', 1)[0] ?? ''))
    return kinds.has('*') ? rights : [...always, ...[...kinds].flatMap(kind => byResource.get(kind) ?? [])]
  }
}

export function hitsOf(rule: Rule, wanted: Right): readonly Hit[] {
  if (wanted.paths !== undefined) return urlHits(rule, wanted)
  if (wanted.matches !== undefined) return wanted.matches(rule) ? [wholeRule(rule)] : []
  const { resourceNames = [] } = rule
  const subresources = subresourcesIn(rule, wanted)
  const isAllowed = (verb: string, name?: string): boolean =>
    subresources.some(sub => allows(rule, wanted, { verb, sub, ...(name !== undefined && { name }) }))
  const isNamed = resourceNames.length > 0
  const all = wanted.verbs.filter(verb => (!isNamed || canBeNameless(verb, wanted)) && isAllowed(verb))
  const whole = all.length === 0 ? [] : [{ verbs: all }]
  if (!isNamed) return whole
  const named = wanted.verbs.filter(verb => verb !== 'deletecollection')
  // Threat: a server-side apply of what is not there is asked about as patch and as create, both with the name
  // (k8s.io/apiserver, handlers/patch.go).
  const isByApply = (verb: string): boolean =>
    isPlainCreate(verb, wanted.subresource) && !holdsVerb(rule.verbs, 'patch')
  return [
    ...whole,
    ...hitsOnNames(named.filter(verb => !isByApply(verb))),
    ...hitsOnNames(named.filter(isByApply)).map(hit => ({ ...hit, isByApply: true })),
  ]

  function hitsOnNames(verbs: readonly string[]): readonly Hit[] {
    const names = resourceNames.filter(
      name => name !== '' && (wanted.names?.(name) ?? true) && verbs.some(verb => isAllowed(verb, name)),
    )
    const [name] = names
    const held = verbs.filter(verb => isAllowed(verb, name))
    return name === undefined || held.length === 0 ? [] : [{ verbs: held, names }]
  }
}

const wholeRule = ({ verbs, resourceNames = [] }: Rule): Hit =>
  resourceNames.length === 0 ? { verbs } : { verbs, names: resourceNames }

interface Asked {
  readonly verb: string
  readonly sub: string | undefined
  readonly name?: string
}

const allows = (rule: Rule, { group, resource }: Right, { verb, sub, name }: Asked): boolean =>
  rulesAllow([rule], {
    verb,
    group,
    resource,
    ...(sub !== undefined && { subresource: sub }),
    ...(name !== undefined && { name }),
  })

function subresourcesIn({ resources = [] }: Rule, { resource, subresource }: Right): readonly (string | undefined)[] {
  if (subresource !== anySubresource) return [subresource]
  return resources.flatMap(text => {
    if (text === '*') return [anySubresource]
    const [whole, ...key] = text.split('/')
    return key.length > 0 && (whole === resource || whole === '*') ? [key.join('/')] : []
  })
}

function urlHits({ nonResourceURLs, verbs }: Rule, { paths = [], verbs: wanted }: Right): readonly Hit[] {
  const held = wanted.filter(verb => holdsVerb(verbs, verb))
  return reachesPaths(nonResourceURLs, paths) && held.length > 0 ? [{ verbs: held }] : []
}

/** A rule may name less than the whole prefix (`/debug/pprof/heap`), or more (`*`). */
export function reachesPaths(urls: readonly string[] = [], prefixes: readonly string[]): boolean {
  const isBelow = (url: string, prefix: string) => url === prefix || url.startsWith(`${prefix}/`)
  const covers = (url: string, prefix: string) => url.endsWith('*') && prefix.startsWith(url.replace(/\*+$/, ''))
  return urls.some(url => prefixes.some(prefix => isBelow(url, prefix) || covers(url, prefix)))
}
