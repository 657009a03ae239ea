/**
 * Whoever RBAC can name, in one canonical text, so that two spellings of one subject are one node of the graph:
 * the user `system:serviceaccount:<ns>:<name>` and the ServiceAccount subject are the same (k8s.io/apiserver,
 * pkg/authentication/serviceaccount/util.go).
 */

/** `user:alice`, `group:system:masters`, `service-account:payments/deployer`. */
export type SubjectId = string

export type Subject =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'service-account'; readonly namespace: string; readonly name: string }

const prefix = 'system:serviceaccount:'

/** The name under which the API server knows a service account. */
export const userNameOf = (namespace: string, name: string): string => `${prefix}${namespace}:${name}`

/** A user with a name of service accounts is that account; MakeUsername splits at the first colon. */
export function userSubject(name: string): Subject {
  const parts = name.startsWith(prefix) ? name.slice(prefix.length).split(':') : []
  const [namespace, account] = parts
  const isAccount = parts.length === 2 && namespace !== '' && account !== ''
  return isAccount
    ? { kind: 'service-account', namespace: namespace as string, name: account as string }
    : { kind: 'user', name }
}

export function idOf(subject: Subject): SubjectId {
  const rest = subject.kind === 'service-account' ? `${subject.namespace}/${subject.name}` : subject.name
  return `${subject.kind}:${rest}`
}

/** Groups that a subject is in without anybody saying so (k8s.io/apiserver, pkg/authentication/serviceaccount and group adders). */
export function builtInGroups(subject: Subject): readonly string[] {
  if (subject.kind === 'group') return []
  if (subject.kind === 'user')
    return subject.name === 'system:anonymous' ? ['system:unauthenticated'] : ['system:authenticated']
  return ['system:serviceaccounts', `system:serviceaccounts:${subject.namespace}`, 'system:authenticated']
}
