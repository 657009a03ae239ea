/** Roles and bindings as YAML, for `kubectl apply` or to be put into a file. */
import { createHash } from 'node:crypto'
import type { Rule } from '../../../../rbac/kubernetes/rule.ts'
import type { RoleProposal, SubjectProposal } from '../../../../rbac/reach/excess/proposals.ts'
import { type Subject, subjectOf } from '../../../../rbac/reach/subject.ts'
import { bindingKey } from '../../../../rbac/reach/usage/reason.ts'
import { kubectlComment as comment, kubectlYaml as document } from '../../kubectl-yaml.ts'
import { placeText } from '../problems-text.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const apiGroup = 'rbac.authorization.k8s.io'

/** The roles that are to be changed, whole, so that they can be applied; each with where it stands now. */
export function rolesYaml(proposals: readonly RoleProposal[]): string {
  return proposals
    .filter(({ leftAlone }) => leftAlone === undefined)
    .map(({ role, rules, unseen, subjects }) => {
      const { kind, name, namespace, labels, annotations, place } = role
      const metadata = {
        name,
        ...(namespace !== undefined && { namespace }),
        ...(Object.keys(labels).length > 0 && { labels }),
        ...(Object.keys(annotations).length > 0 && { annotations }),
      }
      return [
        comment(
          `${placeText(place)}: ${role.rules.length} rules become ${rules.length}; held by ${subjects.join(', ')}`,
        ),
        ...(rules.length === 0 ? [comment('nobody used any of it: delete its bindings')] : []),
        ...unseen.map(right => comment(`stays, since no log can show whether it was used: ${right}`)),
        document({ apiVersion, kind, metadata, rules }),
      ].join('')
    })
    .join('')
}

/**
 * Threat: two subjects whose roles have one name. Whichever is applied last takes the rights of the other one away, or lends him its
 * own. A namespace has no dot, a service account no colon; what else a name may not hold is replaced, and a digest of the whole added.
 */
function ownName(subject: Subject): string {
  if (subject.kind === 'service-account') return `${subject.namespace}.${subject.name}`
  const plain = subject.name.replace(/[^A-Za-z0-9.:@_-]+/g, '-')
  const digest = createHash('sha256').update(subject.name).digest('hex').slice(0, 8)
  return `${subject.kind}:${plain}${plain === subject.name ? '' : `-${digest}`}`
}

/** A role and its binding for each place, and which bindings they replace. */
export function subjectYaml({ subject, roles, replaces }: SubjectProposal): string {
  const one = subjectOf(subject)
  const name = `${ownName(one)}-minimal`
  const subjects = [
    one.kind === 'service-account'
      ? { kind: 'ServiceAccount', name: one.name, namespace: one.namespace }
      : { apiGroup, kind: one.kind === 'user' ? 'User' : 'Group', name: one.name },
  ]
  const documents = roles.map(({ namespace, rules, unseen }) => {
    const kind = namespace === undefined ? 'ClusterRole' : 'Role'
    const metadata = { name, ...(namespace !== undefined && { namespace }) }
    return [
      ...unseen.map(right => comment(`kept, since no log can show whether it was used: ${right}`)),
      document({ apiVersion, kind, metadata, rules }),
      document({ apiVersion, kind: `${kind}Binding`, metadata, roleRef: { apiGroup, kind, name }, subjects }),
    ].join('')
  })
  const old = [...new Set(replaces.map(({ binding }) => bindingKey(binding)))]
  return [
    comment(`what ${subject} used; then take it out of: ${old.join(', ') || 'nothing'}`),
    ...(documents.length === 0 ? [comment('it used none of its own grants')] : documents),
  ].join('')
}

/** RFC 6902, which fails where the role has been changed since. */
export const jsonPatch = (old: readonly Rule[], rules: readonly Rule[]) => [
  { op: 'test', path: '/rules', value: old },
  { op: 'replace', path: '/rules', value: rules },
]
