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

/** Who asks: a subject with its groups, the built-in ones among them. */
export interface Asker {
  readonly id: SubjectId
  readonly groups: readonly string[]
}

const prefix = 'system:serviceaccount:'

/** The name under which the API server knows a service account. */
export const userNameOf = (namespace: string, name: string): string => `${prefix}${namespace}:${name}`

/**
 * A user with a name of service accounts is that account. Threat: a user of a binding may be called anything; what no
 * namespace and no account can be called stays a user, so that two of them are never one.
 */
export function userSubject(name: string): Subject {
  const parts = name.startsWith(prefix) ? name.slice(prefix.length).split(':') : []
  const [namespace = '', account = ''] = parts
  const isAccount = parts.length === 2 && namespace !== '' && account !== '' && !name.includes('/')
  return isAccount ? { kind: 'service-account', namespace, name: account } : { kind: 'user', name }
}

/** A subject of kind ServiceAccount stands for the user with its name, and nothing else. */
export const accountSubject = (namespace: string, name: string): Subject =>
  isPart(namespace) && isPart(name)
    ? { kind: 'service-account', namespace, name }
    : userSubject(userNameOf(namespace, name))

/** Of the name of a service account: of any other, `userSubject` says what it is. */
const isPart = (text: string): boolean => text !== '' && !text.includes(':') && !text.includes('/')

export function idOf(subject: Subject): SubjectId {
  const rest = subject.kind === 'service-account' ? `${subject.namespace}/${subject.name}` : subject.name
  return `${subject.kind}:${rest}`
}

/** What `idOf` was given. Throws `Error` for what is no id. */
export function subjectOf(id: SubjectId): Subject {
  const colon = id.indexOf(':')
  const [kind, rest] = [id.slice(0, colon), id.slice(colon + 1)]
  if (rest !== '' && (kind === 'user' || kind === 'group')) return { kind, name: rest }
  const [namespace, name, ...more] = rest.split('/')
  if (kind === 'service-account' && namespace && name && more.length === 0) return { kind, namespace, name }
  throw new Error(`this is no subject: ${id}`)
}

const authenticated = 'system:authenticated'
const unauthenticated = 'system:unauthenticated'
const allAccounts = 'system:serviceaccounts'

/**
 * Groups that a subject, or each member of a group, is in without anybody saying so (k8s.io/apiserver,
 * pkg/authentication/serviceaccount and group adders).
 */
export function builtInGroups(subject: Subject): readonly string[] {
  if (subject.kind === 'service-account') return [allAccounts, `${allAccounts}:${subject.namespace}`, authenticated]
  const { kind, name } = subject
  if (kind === 'user') return [name === 'system:anonymous' ? unauthenticated : authenticated]
  if (name === authenticated || name === unauthenticated) return []
  return name.startsWith(`${allAccounts}:`) ? [allAccounts, authenticated] : [authenticated]
}

/**
 * As whom the API server asks its authorizers.
 * @param more groups that somebody else vouches for: an identity provider, the organisations of a certificate
 */
export function askerOf(subject: Subject, more: readonly string[] = []): Asker {
  const own = subject.kind === 'group' ? [subject.name] : []
  return { id: idOf(subject), groups: [...new Set([...own, ...builtInGroups(subject), ...more])] }
}
