/**
 * Roles and bindings. Threat: an indent that was lost takes a rule out of its list, and nobody sees that it is gone; so each
 * key that does not belong where it stands is noted, and each rule that cannot grant anything.
 */
import type { Rule } from '../../kubernetes/rule.ts'
import type { BindingObject, BindingSubject, LabelSelector, Metadata, RoleObject } from '../objects.ts'
import { type Entry, entryOf, InvalidObject, isEntry, type Notes, needText, noteUnknown, textOf } from './fields.ts'

const ofObject = ['apiVersion', 'kind', 'metadata']
const ruleFields = ['apiGroups', 'resources', 'verbs', 'resourceNames', 'nonResourceURLs'] as const
/** `metav1.ObjectMeta`, with what older servers had in it. */
const ofMetadata =
  `name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp
  deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields clusterName initializers`.split(
    /\s+/,
  )
const rbac = 'rbac.authorization.k8s.io'

export function roleOf(value: Entry, metadata: Metadata, notes: Notes): RoleObject {
  const kind = value.kind === 'Role' ? 'Role' : 'ClusterRole'
  const known = [...ofObject, 'rules', ...(kind === 'ClusterRole' ? ['aggregationRule'] : [])]
  noteLost(value, known, notes)
  const { aggregationRule } = value
  const aggregation =
    kind === 'ClusterRole' && isEntry(aggregationRule) ? selectorsOf(aggregationRule, notes) : undefined
  return { ...metadata, kind, rules: rulesOf(value.rules, notes), ...(aggregation !== undefined && { aggregation }) }
}

/** Threat: an indent too many puts the rules into the metadata, and the role looks as if it had none. */
function noteLost(value: Entry, known: readonly string[], notes: Notes): void {
  noteUnknown(value, known, { notes, at: '' })
  noteUnknown(entryOf(value.metadata), ofMetadata, { notes, at: 'metadata' })
}

/** An entry that grants nothing stays, so that the index of a rule is the one in its file. */
function rulesOf(value: unknown, notes: Notes): readonly Rule[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.map((rule, at) => ruleOf(rule, { notes, at: `rules[${at}]` }))
  notes.note('lost-rule', 'rules is no list: nothing of it is read')
  return []
}

interface At {
  readonly notes: Notes
  readonly at: string
}

function ruleOf(value: unknown, { notes, at }: At): Rule {
  if (!isEntry(value)) {
    notes.note('lost-rule', `${at} is no rule: nothing of it is read`)
    return { verbs: [] }
  }
  noteUnknown(value, ruleFields, { notes, at })
  const rule: Record<string, readonly string[]> = {}
  for (const field of ruleFields) {
    const texts = textsIn(value[field], { notes, at: `${at}.${field}` })
    if (texts !== undefined) rule[field] = texts
  }
  const { verbs = [], resources = [], apiGroups = [], nonResourceURLs = [] } = rule
  const missing = [
    ...(verbs.length === 0 ? ['verbs'] : []),
    ...(nonResourceURLs.length === 0 && resources.length === 0 ? ['resources'] : []),
    ...(nonResourceURLs.length === 0 && apiGroups.length === 0 ? ['apiGroups'] : []),
  ]
  if (missing.length > 0) notes.note('lost-rule', `${at} has no ${missing.join(', no ')}: it grants nothing`)
  return { ...rule, verbs }
}

function textsIn(value: unknown, { notes, at }: At): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value) && value.every(one => typeof one === 'string')) return value
  // Threat: the API server refuses it, so nobody has seen what it would grant; what can be read of it is.
  notes.note('lost-rule', `${at} is no list of texts`)
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}

function selectorsOf({ clusterRoleSelectors, ...rest }: Entry, notes: Notes): readonly LabelSelector[] {
  noteUnknown(rest, [], { notes, at: 'aggregationRule' })
  if (!Array.isArray(clusterRoleSelectors)) {
    notes.note('lost-rule', 'aggregationRule.clusterRoleSelectors is no list: nothing is selected')
    return []
  }
  return clusterRoleSelectors.flatMap((selector, at) => {
    try {
      return [selectorOf(entryOf(selector))]
    } catch (error) {
      notes.note('lost-rule', `aggregationRule.clusterRoleSelectors[${at}]: ${(error as Error).message}`)
      return []
    }
  })
}

/** Throws `InvalidObject` for what the API server refuses. */
function selectorOf(selector: Entry): LabelSelector {
  const { matchLabels, matchExpressions, ...rest } = selector
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new InvalidObject(`${unknown} is no field of a selector`)
  const labels = Object.entries(entryOf(matchLabels)).map(([key, value]) => [key, needValue(value, key)])
  const expressions = (Array.isArray(matchExpressions) ? matchExpressions : []).map(entryOf).map(expression => {
    const { operator, values } = expression
    const list = Array.isArray(values) ? values.map((value, at) => needValue(value, `values[${at}]`)) : []
    const key = needText(expression.key, 'key')
    if (operator === 'In' || operator === 'NotIn') {
      if (list.length === 0) throw new InvalidObject(`${operator} needs values`)
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (list.length > 0) throw new InvalidObject(`${operator} takes no values`)
    } else throw new InvalidObject(`${String(operator)} is no operator`)
    return { key, operator: operator as LabelSelector['matchExpressions'][number]['operator'], values: list }
  })
  return { matchLabels: Object.fromEntries(labels), matchExpressions: expressions }
}

function needValue(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new InvalidObject(`${field} is no text: it needs quotes`)
  return value
}

/** Throws `InvalidObject` for a binding to nothing that could be a role. */
export function bindingOf(value: Entry, metadata: Metadata, notes: Notes): BindingObject {
  const kind = value.kind === 'RoleBinding' ? 'RoleBinding' : 'ClusterRoleBinding'
  noteLost(value, [...ofObject, 'subjects', 'roleRef'], notes)
  const { roleRef, subjects } = value
  if (!isEntry(roleRef)) throw new InvalidObject('roleRef is missing')
  noteUnknown(roleRef, ['apiGroup', 'kind', 'name'], { notes, at: 'roleRef' })
  const { apiGroup = rbac } = roleRef
  if (apiGroup !== rbac && apiGroup !== '') throw new InvalidObject(`roleRef.apiGroup is not ${rbac}`)
  if (roleRef.kind !== 'Role' && roleRef.kind !== 'ClusterRole')
    throw new InvalidObject('roleRef.kind is neither Role nor ClusterRole')
  return {
    ...metadata,
    kind,
    roleRef: { kind: roleRef.kind, name: needText(roleRef.name, 'roleRef.name') },
    subjects: subjectsOf(subjects, notes),
  }
}

function subjectsOf(value: unknown, notes: Notes): readonly BindingSubject[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.flatMap((subject, at) => subjectIn(subject, { notes, at: `subjects[${at}]` }))
  notes.note('lost-rule', 'subjects is no list: nobody is bound')
  return []
}

function subjectIn(value: unknown, { notes, at }: At): BindingSubject[] {
  const entry = entryOf(value)
  noteUnknown(entry, ['apiGroup', 'apiVersion', 'kind', 'name', 'namespace'], { notes, at })
  const { kind, apiGroup = '' } = entry
  const [name, namespace] = [textOf(entry.name), textOf(entry.namespace)]
  const isKind = kind === 'User' || kind === 'Group' || kind === 'ServiceAccount'
  const isGroup = apiGroup === '' || apiGroup === null || (apiGroup === rbac && kind !== 'ServiceAccount')
  if (!isKind || name === undefined || !isGroup) {
    notes.note('lost-rule', `${at} names nobody whom the API server knows: it is not read`)
    return []
  }
  return [{ kind, name, ...(kind === 'ServiceAccount' && namespace !== undefined && { namespace }) }]
}
