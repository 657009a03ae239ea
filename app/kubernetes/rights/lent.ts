/** Names that rows lend to `kubectl --as`, as far as a role can say them one by one. Pure. */
import { namesIn } from '../../../rbac/actions.ts'
import type { Row } from '../../../rbac/row.ts'
import { isSendableKey } from '../gateway/passing/impersonation.ts'
import { ofWorkloads } from '../person.ts'
import { isOwnExtra } from '../somebody-else.ts'
import type { ImpersonationMode } from './impersonation-mode.ts'

export interface Lent {
  readonly users: Set<string>
  readonly groups: Set<string>
  readonly uids: Set<string>
  /** By key: values, or that it is any. */
  readonly extras: Map<string, Set<string> | 'any'>
}

/**
 * Threat: constrained impersonation first asks about `*` where somebody has four groups or more, and a role that names a
 * group of that name would answer for all.
 */
export const isNameable = (name: string): boolean =>
  name !== '*' && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name)

const lendable: Readonly<Record<string, 'users' | 'groups' | 'uids'>> = {
  '-/core/users': 'users',
  '-/core/groups': 'groups',
  '-/authentication.k8s.io/uids': 'uids',
}
const extras = '-/authentication.k8s.io/userextras'

const unsayable = 'it lends names that a role cannot name one by one'

/** What a row lends: names as the cluster has them. Returns why one is not covered. */
export function addLent({ resource, action }: Row, found: Lent, mode: ImpersonationMode): string | undefined {
  const isSaid = namesIn(action).includes('impersonate')
  if (!isSaid && action !== '*') return undefined
  const [, scope, group, kind, ...rest] = resource.split('/')
  const place = `${scope}/${group}/${kind}`
  const why = place === extras ? addExtra(rest, found, mode) : addName(rest, found, lendable[place])
  // Who writes `*` for a place need not have thought of it.
  return why === unsayable && !isSaid ? undefined : why
}

function addName(rest: readonly string[], found: Lent, to: 'users' | 'groups' | 'uids' | undefined) {
  const name = rest.length === 1 ? lentName(rest[0]) : undefined
  if (to === undefined || name === undefined || !isNameable(name)) return unsayable
  // Threat: a row lends what the gateway never sends.
  if (/^system:/i.test(name)) return 'names that begin with system: are never lent'
  if (ofWorkloads.test(name)) return 'names of workloads are never lent'
  found[to].add(name)
  return undefined
}

/** `<value>/<key>`. A role can say one value, or any, and nothing in between. */
function addExtra([written, ofKey, ...more]: readonly string[], found: Lent, mode: ImpersonationMode) {
  const key = lentName(ofKey)
  // Threat: `userextras/*` is what constrained impersonation asks about first where there are many, and answers for all.
  if (more.length > 0 || key === undefined || !isNameable(key) || key.includes('*')) return unsayable
  if (isOwnExtra(key) || !isSendableKey(key)) return `the extra ${key} is never lent`
  if (mode === 'constrained' && !isOfDomain.test(key))
    return `constrained impersonation knows no extra without a domain in front: ${key}`
  const value = written === '*' ? 'any' : nameOfValue(written)
  if (value === undefined) return unsayable
  const before = found.extras.get(key) ?? new Set<string>()
  found.extras.set(key, before === 'any' || value === 'any' ? 'any' : new Set([...before, value.name]))
  return undefined
}

function nameOfValue(written: string | undefined): { readonly name: string } | undefined {
  const name = lentName(written)
  return name === undefined || !isNameable(name) ? undefined : { name }
}

/** As Kubernetes 1.37 wants it (`IsDomainPrefixedPath`). */
const isOfDomain = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\/[\w/.~%!$&'()*+,;=:-]+$/

/** Written as its escapes once more than a path is (rbac/kubernetes/questions.ts). */
function lentName(segment: string | undefined): string | undefined {
  if (segment === undefined || segment.includes('*')) return undefined
  try {
    return decodeURIComponent(decodeURIComponent(segment))
  } catch {
    return undefined
  }
}

const placeOfUsers: readonly string[] = ['-', 'core', 'users']

/** Whether a row can let somebody be judged as somebody else at all: each such call asks for a user. */
export function mayLendUsers({ resource, action }: Pick<Row, 'resource' | 'action'>): boolean {
  if (action !== '*' && !namesIn(action).includes('impersonate')) return false
  if (resource.startsWith('re:')) return true
  const segments = resource.split('/').slice(1)
  const open = segments.indexOf('**')
  const known = open === -1 ? segments : segments.slice(0, open)
  const isAbove = known.every(
    (segment, at) => segment.includes('*') || at >= placeOfUsers.length || segment === placeOfUsers[at],
  )
  return isAbove && (open !== -1 || segments.length > placeOfUsers.length)
}
