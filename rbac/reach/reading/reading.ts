/**
 * Documents become the objects of a cluster: texts (manifests, output of Helm, dumps of kubectl) or objects that are parsed
 * already. Whatever is not read is a problem; no count is ever silently too small.
 *
 * An object that comes twice counts as it comes last, as with `kubectl apply`; the earlier one is a problem. So is the later
 * one of two bindings of one name to two roles, which `kubectl apply` cannot apply.
 */
import { listedIn } from '../absence.ts'
import { aggregated, rulesNotBrought } from '../aggregation.ts'
import type { BindingObject, ClusterObjects, Metadata, Place, ReadingProblem, RoleObject } from '../objects.ts'
import { assumedRoles } from './assumed-roles.ts'
import { type Entry, entryOf, InvalidObject, isEntry, metadataOf, type Notes, needText, textOf } from './fields.ts'
import { looksLikeJson, objectsInJson } from './json-text.ts'
import { isNamespaced, type Reader, readerOf } from './kinds.ts'
import { strayKey, strayKeys } from './list-keys.ts'
import { type Made, made } from './makers.ts'
import { byName, byPlace } from './order.ts'
import { otherNamespaces, unlistedRoles } from './partly-read.ts'
import { itemOf, type RawObject } from './raw.ts'
import { serverVersionOf } from './server-version.ts'
import { hasPodTemplate } from './workloads.ts'
import { objectsInYaml } from './yaml-text.ts'

export interface ReadingOptions {
  /** Of objects that name none, as that of the context for `kubectl apply`. Default: `default`. */
  readonly namespace?: string
  /**
   * Whether roles that every cluster has are taken as Kubernetes ships them, where bindings name them and nothing of what was
   * read is one: true by default, for manifests; false for what a live cluster answered, unless its ClusterRoles may not be listed.
   */
  readonly assumesShippedRoles?: boolean
  /** Objects that are kept at most, of all kinds: 500,000 by default. */
  readonly mostObjects?: number
}

export interface Reading {
  /** YAML or JSON. @param source a file, `-`, or a cluster */
  readonly addText: (text: string, source: string) => void
  /** What is parsed already: an object, or a list as an API server answers it. */
  readonly addObject: (value: unknown, place: Place) => void
  readonly addProblem: (problem: ReadingProblem) => void
  /** What a live cluster answered at `/version`; a problem where that says nothing. */
  readonly addServerVersion: (answer: unknown, source: string) => void
  /** A kind was asked for, whether or not there was one. */
  readonly markRead: (kind: string) => void
  /** Nothing was asked of any other namespace; a problem, since whatever stands there is not read. */
  readonly markNamespaces: (names: readonly string[], source: string) => void
  readonly objectsSeen: () => number
  readonly finish: () => ClusterObjects
}

type Kept = { readonly reader: Reader; readonly object: Metadata & { readonly kind?: string } }

const deepestList = 8

export function createReading(options: ReadingOptions = {}): Reading {
  const { namespace = 'default', mostObjects = 500_000, assumesShippedRoles = true } = options
  const kept = new Map<string, Kept>()
  const problems: ReadingProblem[] = []
  const kindsRead = new Set<string>()
  const unknownKinds = new Map<string, Place[]>()
  const assumed: Place[] = []
  let [seen, dropped] = [0, 0]
  let serverVersion: string | undefined
  let namespacesRead: ReadonlySet<string> | undefined

  return {
    addText: (text, source) => {
      // Of each of several files that were put together.
      const withoutMarks = text.includes('\uFEFF') ? text.replace(/^\uFEFF/gm, '') : text
      for (const raw of (looksLikeJson(withoutMarks) ? objectsInJson : objectsInYaml)(withoutMarks, source)) {
        if ('problem' in raw) addProblem(raw.problem)
        else add(raw, 0)
      }
    },
    addObject: (value, place) => add({ value, place }, 0),
    addProblem,
    addServerVersion: (answer, source) => {
      serverVersion = serverVersionOf(answer)
      if (serverVersion === undefined) problems.push(noServerVersion(source))
    },
    markRead: kind => void kindsRead.add(kind),
    markNamespaces: (names, source) => {
      namespacesRead = new Set(names)
      problems.push(otherNamespaces(names, source))
    },
    objectsSeen: () => seen,
    finish,
  }

  function addProblem(problem: ReadingProblem): void {
    seen += problem.unread ?? 0
    problems.push(problem)
  }

  function add(raw: RawObject, depth: number): void {
    if (raw.value === null || raw.value === undefined) return
    const list = listIn(raw.value)
    if (list !== undefined && depth < deepestList) {
      problems.push(...strayKeys(raw.value).map(key => strayKey(key, raw.place)))
      for (const item of list) add({ ...raw, value: item }, depth + 1)
      return
    }
    seen += 1
    const object = nameOf(raw.value)
    if (list !== undefined) {
      const message = `lists are nested more than ${deepestList} deep: this one is not read`
      problems.push({ code: 'too-much', unread: 1, place: raw.place, ...(object && { object }), message })
      return
    }
    try {
      keep(knownAs(raw, object))
    } catch (error) {
      if (!(error instanceof InvalidObject)) throw error
      const { place } = raw
      problems.push({ code: 'invalid-object', unread: 1, place, ...(object && { object }), message: error.message })
    }
  }

  /** Throws `InvalidObject`. */
  function knownAs({ value, place, duplicateKeys = [] }: RawObject, object: string): Known {
    if (!isEntry(value)) throw new InvalidObject('this is no object of Kubernetes')
    const apiVersion = needText(value.apiVersion, 'apiVersion')
    const kind = needText(value.kind, 'kind')
    const known = readerOf(apiVersion, kind)
    const reader = known ?? (hasPodTemplate(value) ? 'workload' : undefined)
    const isRbac = reader === 'role' || reader === 'binding'
    const note: Notes['note'] = (code, message) => void problems.push({ code, place, object, message })
    for (const key of duplicateKeys)
      note(isRbac ? 'lost-rule' : 'invalid-object', `${key} stands twice: the last counts alone`)
    const isAssuming = known !== undefined && known !== 'other'
    return { value, place, apiVersion, kind, reader, isAssuming, notes: { object, place, note } }
  }

  interface Known {
    readonly value: Entry
    readonly place: Place
    readonly apiVersion: string
    readonly kind: string
    readonly reader: Reader | undefined
    /** A namespace that it does not name is worth a word. */
    readonly isAssuming: boolean
    readonly notes: Notes
  }

  function keep({ value, place, apiVersion, kind, reader, isAssuming, notes }: Known): void {
    const metadata = metadataOf(value.metadata, {
      place,
      namespace,
      isNamespaced: isNamespaced(kind),
      // kubectl is asked for them of these alone, and whoever reads is to find the same.
      hasManagers: kind === 'ServiceAccount',
      onAssumed: () => {
        if (isAssuming) assumed.push(place)
      },
    })
    if (reader === undefined) {
      const places = unknownKinds.get(`${kind} (${apiVersion})`) ?? []
      places.push(place)
      unknownKinds.set(`${kind} (${apiVersion})`, places)
    } else if (kept.size >= mostObjects) dropped += 1
    else {
      kindsRead.add(kind)
      const key = JSON.stringify([reader === 'other' ? apiVersion : reader, kind, metadata.namespace, metadata.name])
      const object = made(reader, value, { metadata, notes })
      const earlier = kept.get(key)
      if (earlier !== undefined) {
        keepsItsRole(earlier.object, object)
        problems.push(replaced(earlier.object.place, place, notes.object))
      }
      kept.delete(key)
      kept.set(key, { reader, object })
    }
  }

  function finish(): ClusterObjects {
    const of = <Kind extends keyof Made>(reader: Kind): Made[Kind][] =>
      [...kept.values()].flatMap(one => (one.reader === reader ? [one.object as Made[Kind]] : [])).sort(byName)
    const bindings = of('binding')
    const partly = namespacesRead === undefined ? {} : { namespacesRead }
    // Threat: whoever may read one namespace alone is given `admin` there by a role that he may not list.
    const isAssuming = assumesShippedRoles || !listedIn({ problems })('ClusterRole')
    const assumedToBe = isAssuming ? assumedRoles(of('role'), bindings) : []
    for (const { name } of assumedToBe) problems.push(shippedRole(name, bindings))
    const written = [...of('role'), ...assumedToBe].sort(byName)
    problems.push(...unlistedRoles(bindings, written, { problems, ...partly }))
    const roles = aggregated(written).map((role, at) => withWritten(role, written[at] as RoleObject, problems))
    return {
      roles,
      bindings,
      serviceAccounts: of('account'),
      workloads: of('workload'),
      secrets: of('secret'),
      namespaces: of('namespace'),
      nodes: of('node'),
      others: of('other'),
      problems: [...problems, ...lateProblems()].sort((one, other) => byPlace(one.place, other.place)),
      objectsSeen: seen,
      kindsRead,
      ...partly,
      ...(serverVersion !== undefined && { serverVersion }),
    }
  }

  function lateProblems(): ReadingProblem[] {
    const late = [...unknownKinds].flatMap(([object, places]): ReadingProblem[] => {
      const [place, ...more] = places.sort(byPlace)
      const unread = more.length + 1
      const message = `nobody here knows this kind: ${unread === 1 ? 'one is' : `${unread} are`} not read, nor what it runs`
      return place === undefined ? [] : [{ code: 'unknown-kind', unread, place, object, message }]
    })
    const [place] = assumed.sort(byPlace)
    if (place !== undefined) {
      const whom = assumed.length === 1 ? 'one object has' : `${assumed.length} objects have`
      const message = `${whom} no namespace: taken for ${namespace}, as with kubectl apply`
      late.push({ code: 'assumed-namespace', place, message })
    }
    if (dropped > 0) {
      const message = `there are more than ${mostObjects} objects: ${dropped} are not read`
      late.push({ code: 'too-much', unread: dropped, place: { source: 'all sources' }, message })
    }
    return late
  }
}

const noServerVersion = (source: string): ReadingProblem => ({
  code: 'server-version',
  place: { source },
  message:
    'the cluster does not say which version it is: review takes it for 1.35 or later, unless --server-version says',
})

/** `Role/payments/reader`, as far as it says so. */
function nameOf(value: unknown): string {
  const { kind, metadata } = entryOf(value)
  const { namespace, name } = entryOf(metadata)
  return [kind, namespace, name].flatMap(part => textOf(part) ?? []).join('/')
}

/** Told where it is bound, if it is; else where it is part of one that is. */
function shippedRole(name: string, bindings: readonly BindingObject[]): ReadingProblem {
  const place = bindings.find(({ roleRef }) => roleRef.name === name)?.place ?? { source: 'Kubernetes 1.37' }
  const message = 'it is not among what was read: taken as Kubernetes 1.37 ships it'
  return { code: 'assumed-role', place, object: `ClusterRole/${name}`, message }
}

/** Throws `InvalidObject` for a binding that comes again with another role, which cannot be changed: the one that is there stays. */
function keepsItsRole(earlier: Kept['object'], later: Kept['object']): void {
  const [before, after] = [earlier, later].map(one =>
    'roleRef' in one ? (one.roleRef as BindingObject['roleRef']) : undefined,
  )
  if (before?.kind === after?.kind && before?.name === after?.name) return
  const message = `roleRef was ${before?.kind} ${before?.name} in ${placeText(earlier.place)}, and cannot be changed: that one counts`
  throw new InvalidObject(message)
}

const placeText = ({ source, line }: Place): string => (line === undefined ? source : `${source}:${line}`)

function replaced(place: Place, later: Place, object: string): ReadingProblem {
  const message = `it comes again in ${placeText(later)}, and that one counts, as with kubectl apply`
  return { code: 'duplicate', unread: 1, place, object, message }
}

/** A `List`, and the lists of an API server, whose items have no kind; or a list without anything around it. */
function listIn(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isEntry(value) || typeof value.kind !== 'string' || !value.kind.endsWith('List')) return undefined
  const { kind, apiVersion, items } = value
  if (items === null && 'items' in value) return []
  if (!Array.isArray(items)) return undefined
  return items.map(item => itemOf(item, kind, apiVersion))
}

/**
 * Rules that stand in an aggregated role and that nothing brings. Threat: of a part of a cluster the sources may be missing,
 * and rights would go with them; they stay, and are told of.
 */
function withWritten(role: RoleObject, written: RoleObject, problems: ReadingProblem[]): RoleObject {
  if (role.aggregation === undefined) return role
  const [object, place] = [`ClusterRole/${role.name}`, role.place]
  const left = rulesNotBrought(written, role)
  if (left.length > 0) {
    const message = `${left.length} of its rules come from no role that was read; they are kept, and the controller takes them away`
    problems.push({ code: 'aggregation', place, object, message })
  } else if (role.rules.length === 0) {
    const message =
      'it takes its rules from other roles by their labels, and none of these was read: what it grants is not known'
    problems.push({ code: 'aggregation', place, object, message })
  }
  return left.length === 0 ? role : { ...role, rules: [...role.rules, ...left] }
}
