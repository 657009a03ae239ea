/**
 * Aggregated ClusterRoles, as the controller fills them (k8s.io/kubernetes 1.37, pkg/controller/clusterroleaggregation): for
 * each selector in turn the roles that it selects, by name, never the role itself, each rule once. What a selected role is
 * given by its own selectors counts too (`view` goes into `edit`, and that into `admin`), because the controller begins
 * again whenever a role has changed.
 *
 * Roles that select each other in a circle hand on whatever one of them ever had, or lose it, by the order in which the
 * controller comes to them. Here they keep it: a review rather says too much than too little.
 */
import type { Rule } from '../kubernetes/rule.ts'
import type { LabelSelector, RoleObject } from './objects.ts'

/** @returns the same roles, in the same order, with the rules that selectors bring */
export function aggregated(roles: readonly RoleObject[]): RoleObject[] {
  const sources = sourcesOf(roles)
  if (sources.size === 0) return [...roles]
  const circles = circlesOf(sources)
  const done = new Map<RoleObject, readonly Rule[]>()
  for (const circle of circles) {
    const [only] = circle
    if (circle.length === 1 && only !== undefined) done.set(only, broughtTo(only))
    else {
      const all = unionOf([...new Set([...circle, ...circle.flatMap(role => sources.get(role) ?? [])])].map(rulesNow))
      for (const role of circle) done.set(role, all)
    }
  }
  return roles.map(role => {
    const rules = done.get(role)
    return rules === undefined ? role : { ...role, rules }
  })

  /** Where nothing is brought the controller applies no rules, and an apply without a field leaves it as others wrote it. */
  function broughtTo(role: RoleObject): readonly Rule[] {
    const brought = unionOf((sources.get(role) ?? []).map(rulesNow))
    return brought.length === 0 ? role.rules : brought
  }

  function rulesNow(role: RoleObject): readonly Rule[] {
    return done.get(role) ?? role.rules
  }
}

/** To each aggregated role those that its own selectors select. */
export function sourcesOf(roles: readonly RoleObject[]): ReadonlyMap<RoleObject, readonly RoleObject[]> {
  const clusterRoles = roles.filter(({ kind }) => kind === 'ClusterRole').sort(byName)
  const sources = new Map<RoleObject, readonly RoleObject[]>()
  const candidates = byLabel(clusterRoles)
  for (const role of clusterRoles) if (role.aggregation !== undefined) sources.set(role, selectedBy(role, candidates))
  return sources
}

/** Rules that stand in the role and that no selector brings: the controller takes them away, or their source was not read. */
export function rulesNotBrought(written: RoleObject, now: RoleObject): readonly Rule[] {
  const brought = new Set(now.rules.map(ruleKey))
  return written.rules.filter(rule => !brought.has(ruleKey(rule)))
}

const byName = (one: RoleObject, other: RoleObject): number =>
  one.name < other.name ? -1 : one.name > other.name ? 1 : 0

type Candidates = (selector: LabelSelector) => readonly RoleObject[]

function selectedBy({ name, aggregation = [] }: RoleObject, candidates: Candidates): readonly RoleObject[] {
  const found = aggregation.flatMap(selector =>
    candidates(selector).filter(role => role.name !== name && selects(selector, role.labels)),
  )
  return [...new Set(found)]
}

/** Most selectors are one label, and most roles have none: nobody looks at each role for each selector. */
function byLabel(roles: readonly RoleObject[]): Candidates {
  const found = new Map<string, RoleObject[]>()
  for (const role of roles)
    for (const [key, value] of Object.entries(role.labels)) {
      const labelled = found.get(`${key}=${value}`) ?? []
      labelled.push(role)
      found.set(`${key}=${value}`, labelled)
    }
  return ({ matchLabels }) => {
    const [label] = Object.entries(matchLabels)
    return label === undefined ? roles : (found.get(`${label[0]}=${label[1]}`) ?? [])
  }
}

/** `metav1.LabelSelectorAsSelector`: all of it has to fit; an empty one selects everything. */
export const selects = ({ matchLabels, matchExpressions }: LabelSelector, labels: RoleObject['labels']): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
  matchExpressions.every(({ key, operator, values }) => {
    const value = labelOf(labels, key)
    if (operator === 'Exists') return value !== undefined
    if (operator === 'DoesNotExist') return value === undefined
    const isIn = value !== undefined && values.includes(value)
    return operator === 'In' ? isIn : !isIn
  })

const labelOf = (labels: RoleObject['labels'], key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined

/** Rules are equal as the controller compares them: lists in their order, an empty one like none. */
export const ruleKey = ({
  apiGroups = [],
  resources = [],
  verbs,
  resourceNames = [],
  nonResourceURLs = [],
}: Rule): string => JSON.stringify([apiGroups, resources, verbs, resourceNames, nonResourceURLs])

function unionOf(lists: readonly (readonly Rule[])[]): readonly Rule[] {
  const found = new Map<string, Rule>()
  for (const rule of lists.flat()) {
    const key = ruleKey(rule)
    if (!found.has(key)) found.set(key, rule)
  }
  return [...found.values()]
}

/**
 * Aggregated roles that lead to each other, what they draw from first (Tarjan's strongly connected components, without
 * recursion: manifests may chain as many as they like).
 */
function circlesOf(sources: ReadonlyMap<RoleObject, readonly RoleObject[]>): RoleObject[][] {
  const seen = new Map<RoleObject, { readonly at: number; low: number; isOpen: boolean }>()
  const open: RoleObject[] = []
  const circles: RoleObject[][] = []
  const enter = (role: RoleObject) => {
    seen.set(role, { at: seen.size, low: seen.size, isOpen: true })
    open.push(role)
    const next = (sources.get(role) ?? []).filter(source => sources.has(source))
    return { role, next, at: 0 }
  }
  for (const start of sources.keys()) {
    const walk = seen.has(start) ? [] : [enter(start)]
    for (let step = walk.at(-1); step !== undefined; step = walk.at(-1)) {
      const source = step.next[step.at++]
      if (source === undefined) {
        walk.pop()
        leave(step.role, walk.at(-1)?.role)
      } else if (!seen.has(source)) walk.push(enter(source))
      else if (seen.get(source)?.isOpen) lower(step.role, seen.get(source)?.at ?? 0)
    }
  }
  return circles

  function lower(role: RoleObject, low: number): void {
    const mark = seen.get(role)
    if (mark !== undefined) mark.low = Math.min(mark.low, low)
  }

  function leave(role: RoleObject, parent: RoleObject | undefined): void {
    const mark = seen.get(role)
    if (mark === undefined) return
    if (parent !== undefined) lower(parent, mark.low)
    if (mark.low !== mark.at) return
    const circle = open.splice(open.indexOf(role))
    for (const member of circle) {
      const memberMark = seen.get(member)
      if (memberMark !== undefined) memberMark.isOpen = false
    }
    circles.push(circle)
  }
}
