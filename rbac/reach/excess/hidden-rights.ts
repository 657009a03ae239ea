/**
 * Rights that no audit log can show to be used: the API server asks for them within a call, and writes down the call alone. They may
 * have been used where the call was made that asks for them; where it never was, they were not.
 */
import type { Rule } from '../../kubernetes/rule.ts'
import type { UsedKind } from '../usage/usage.ts'
import { writingVerbs } from './done.ts'
import { type Right, resourceOf } from './rights.ts'

interface HiddenRight {
  readonly verb: string
  readonly group: string
  readonly resources: readonly string[]
  /** Whether such a call may have asked for it. */
  readonly askedBy: (group: string, resource: string, verb: string) => boolean
}

const rbac = 'rbac.authorization.k8s.io'
const certificates = 'certificates.k8s.io'
const writesOf =
  (inGroup: string, ...resources: string[]) =>
  (group: string, resource: string, verb: string): boolean =>
    writingVerbs.has(verb) && group === inGroup && resources.includes(resource)

const hiddenRights: readonly HiddenRight[] = [
  {
    verb: 'bind',
    group: rbac,
    resources: ['roles', 'clusterroles'],
    askedBy: writesOf(rbac, 'rolebindings', 'clusterrolebindings'),
  },
  {
    verb: 'escalate',
    group: rbac,
    resources: ['roles', 'clusterroles'],
    askedBy: writesOf(rbac, 'roles', 'clusterroles'),
  },
  {
    verb: 'approve',
    group: certificates,
    resources: ['signers'],
    askedBy: writesOf(certificates, 'certificatesigningrequests/approval'),
  },
  {
    verb: 'sign',
    group: certificates,
    resources: ['signers'],
    askedBy: writesOf(certificates, 'certificatesigningrequests/status'),
  },
  {
    verb: 'attest',
    group: certificates,
    resources: ['signers'],
    askedBy: writesOf(certificates, 'clustertrustbundles'),
  },
]

export type ResourceRight = Exclude<Right, { readonly path: string }>

const isOne = (hidden: HiddenRight, { verb, group, resource }: ResourceRight): boolean =>
  verb === hidden.verb && group === hidden.group && hidden.resources.includes(resource)

/**
 * An owner's finalizers are asked for (`update`) when something is made or changed that the owner is to keep from deletion, and
 * `use` when a pod is made that a policy of pods (OpenShift's security context constraints) has to let in.
 */
export const isAskedByWriting = ({ verb, resource }: ResourceRight): boolean =>
  verb === 'use' || (verb === 'update' && resource.endsWith('/finalizers'))

/** Whether a log that does not show it says nothing, given what else was done. */
export function mayBeHidden(right: Right, done: readonly UsedKind[]): boolean {
  if ('path' in right) return false
  const isAsked = isAskedByWriting(right)
  const hidden = hiddenRights.filter(one => isOne(one, right))
  if (!isAsked && hidden.length === 0) return false
  return done.some(kind => {
    if ('path' in kind) return false
    if (isAsked) return writingVerbs.has(kind.verb)
    return hidden.some(({ askedBy }) => askedBy(kind.group, resourceOf(kind), kind.verb))
  })
}

/** Those rights of a rule that may have been used without a trace; a wildcard gives them too. */
export function hiddenIn(rule: Rule, done: readonly UsedKind[]): readonly ResourceRight[] {
  const { apiGroups = [], resources = [], verbs, resourceNames = [] } = rule
  const names = resourceNames.length === 0 ? [undefined] : resourceNames
  const holds = (values: readonly string[], value: string): boolean => values.includes(value) || values.includes('*')
  const candidates = [
    ...hiddenRights.flatMap(({ verb, group, resources: all }) => all.map(resource => ({ verb, group, resource }))),
    // These only where the rule says them: a wildcard would give one for each kind that there is.
    ...resources
      .filter(resource => !resource.startsWith('*'))
      .flatMap(resource => apiGroups.filter(group => group !== '*').map(group => ({ group, resource })))
      .flatMap(one => ['update', 'use'].filter(verb => verbs.includes(verb)).map(verb => ({ ...one, verb })))
      .filter(isAskedByWriting),
  ]
  return candidates
    .filter(({ verb, group, resource }) => holds(verbs, verb) && holds(apiGroups, group) && holds(resources, resource))
    .filter(right => mayBeHidden(right, done))
    .flatMap(right => names.map(name => ({ ...right, ...(name !== undefined && { name }) })))
}
