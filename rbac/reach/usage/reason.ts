/**
 * Which binding let a call in, as the API server wrote it down (k8s.io/kubernetes 1.37, plugin/pkg/auth/authorizer/rbac/rbac.go and
 * pkg/registry/rbac/validation/rule.go): `RBAC: allowed by RoleBinding "pods/shop" of Role "reader" to User "alice"`.
 */
import { idOf, type SubjectId, userSubject } from '../subject.ts'

/** What the annotation `authorization.k8s.io/reason` names. It says which one was found first, not that no other allows it. */
export interface NamedBinding {
  readonly kind: 'RoleBinding' | 'ClusterRoleBinding'
  readonly name: string
  readonly namespace?: string
  readonly role: { readonly kind: 'Role' | 'ClusterRole'; readonly name: string }
  readonly subject: SubjectId
}

/** Names are quoted as Go's %q does, which is JSON for every name that RBAC lets exist without control characters. */
const quoted = String.raw`"((?:[^"\\]|\\.)*)"`
const sentence = new RegExp(
  `^RBAC: allowed by (RoleBinding|ClusterRoleBinding) ${quoted} of (Role|ClusterRole) ${quoted} to (User|Group|ServiceAccount) ${quoted}$`,
)

/** `undefined` for what another authorizer said, and for what is no such sentence. */
export function readReason(reason: string): NamedBinding | undefined {
  if (reason.length > 4096) return undefined
  const [, kind, binding = '', roleKind, role = '', subjectKind = '', subject = ''] = sentence.exec(reason) ?? []
  if (kind !== 'RoleBinding' && kind !== 'ClusterRoleBinding') return undefined
  if (roleKind !== 'Role' && roleKind !== 'ClusterRole') return undefined
  const names = [binding, role, subject].map(unquote)
  const [bindingName, roleName, subjectName] = names
  if (bindingName === undefined || roleName === undefined || subjectName === undefined) return undefined
  // A binding of a namespace is written name/namespace, and no name of one holds a slash.
  const slash = bindingName.lastIndexOf('/')
  const isInNamespace = kind === 'RoleBinding' && slash !== -1
  return {
    kind,
    name: isInNamespace ? bindingName.slice(0, slash) : bindingName,
    ...(isInNamespace && { namespace: bindingName.slice(slash + 1) }),
    role: { kind: roleKind, name: roleName },
    subject: subjectIdOf(subjectKind, subjectName),
  }
}

/** Also for the key of a binding object: the same text for the same binding. */
export const bindingKey = (binding: Pick<NamedBinding, 'kind' | 'name' | 'namespace'>): string =>
  `${binding.kind}/${binding.namespace === undefined ? '' : `${binding.namespace}/`}${binding.name}`

function subjectIdOf(kind: string, name: string): SubjectId {
  if (kind === 'User') return idOf(userSubject(name))
  if (kind === 'Group') return idOf({ kind: 'group', name })
  const slash = name.lastIndexOf('/')
  return idOf({ kind: 'service-account', namespace: name.slice(slash + 1), name: name.slice(0, Math.max(slash, 0)) })
}

function unquote(text: string): string | undefined {
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return undefined
  }
}
