/**
 * Whom the gateway has to be able to speak for in a cluster, by name: what the policy names, and who is logged in. Pure.
 *
 * Threat: a role without names lets whoever has the gateway's credential be anybody. So what has no name is left out and
 * told of, and never becomes a rule for all.
 */
import { namesIn } from '../../../rbac/actions.ts'
import {
  type AdmittedSubject,
  admittedSubjects,
  allowingRows,
  createMayCome,
} from '../../../rbac/asking/cluster-people.ts'
import type { User } from '../../../rbac/identity.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { Row } from '../../../rbac/row.ts'
import { extraKeys, impersonationOf, NamelessError, type NamesOfPeople } from '../person.ts'

/** Sorted, each once. */
export interface Impersonable {
  readonly users: readonly string[]
  /** With the prefix of the cluster. */
  readonly groups: readonly string[]
  readonly uids: readonly string[]
  readonly extraKeys: readonly string[]
  readonly notCovered: readonly NotCovered[]
}

/** Somebody whom the role does not cover, and why. */
export interface NotCovered {
  /** A subject of the policy, or what a person is called. */
  readonly who: string
  readonly why: string
  /** The row of the policy that lets them in. */
  readonly rule?: string
}

export interface ImpersonableOptions {
  readonly cluster: string
  readonly names: NamesOfPeople
  readonly policy: Pick<PolicySnapshot, 'rows' | 'roles' | 'addRoles'>
  /** Those who are logged in. */
  readonly people: readonly User[]
}

export function impersonableIn({ cluster, names, policy, people }: ImpersonableOptions): Impersonable {
  const domain = `kube:${cluster}`
  const found = { users: new Set<string>(), groups: new Set<string>(), uids: new Set<string>() }
  const notCovered: NotCovered[] = []
  const mayCome = createMayCome(policy, domain)
  for (const person of people.filter(mayCome)) {
    const who = person.email ?? person.subject
    try {
      const { user, groups, uid } = impersonationOf(person, '-', names)
      const unnamed = [user, ...groups, uid].find(name => !isNameable(name))
      if (unnamed !== undefined) throw new NamelessError(`the name ${JSON.stringify(unnamed)} can stand in no role`)
      found.users.add(user)
      found.uids.add(uid)
      for (const group of groups) found.groups.add(group)
    } catch (error) {
      if (!(error instanceof NamelessError)) throw error
      notCovered.push({ who, why: error.message })
    }
  }
  for (const admitted of admittedSubjects(policy, domain)) {
    const missing = addNamed(admitted, names, found)
    if (missing !== undefined) notCovered.push({ who: admitted.subject, why: missing, rule: admitted.rule })
  }
  for (const row of allowingRows(policy, domain)) {
    const missing = addLent(row, found)
    if (missing !== undefined) notCovered.push({ who: row.resource, why: missing, rule: row.id })
  }
  return {
    users: sorted(found.users),
    groups: sorted(found.groups),
    uids: sorted(found.uids),
    extraKeys,
    notCovered,
  }
}

interface Found {
  readonly users: Set<string>
  readonly groups: Set<string>
  readonly uids: Set<string>
}

const untilLogin = 'each of them is covered once they have logged in'

/** What a row names as it is; returns why somebody whom it lets in is not covered yet. */
function addNamed(
  { subject }: AdmittedSubject,
  names: NamesOfPeople,
  { users, groups, uids }: Found,
): string | undefined {
  const colon = subject.indexOf(':')
  const [kind, value] = colon === -1 ? [subject, ''] : [subject.slice(0, colon), subject.slice(colon + 1)]
  const add = (to: Set<string>, name: string): void => {
    if (isNameable(name) && !/^system:/i.test(name)) to.add(name)
  }
  switch (kind) {
    case 'email':
      if (names.userClaim !== 'email') return `people are called by ${names.userClaim} here; ${untilLogin}`
      // A row may write an address in the way of DNS, and the provider another.
      if ([...users].some(user => user === value)) return undefined
      add(users, value)
      return 'the uid is known once they have logged in'
    case 'user':
      if (uids.has(value)) return undefined
      add(uids, value)
      if (names.userClaim !== 'sub') return `people are called by ${names.userClaim} here; ${untilLogin}`
      add(users, value)
      return 'their groups are known once they have logged in'
    case 'group':
      add(groups, `${names.groupPrefix}${value.slice(value.indexOf('/') + 1)}`)
      return untilLogin
    case 'service-account':
    case 'client':
      return 'workloads do not come through the gateway'
    default:
      return untilLogin
  }
}

const lendable: Readonly<Record<string, keyof Found>> = {
  '-/core/users': 'users',
  '-/core/groups': 'groups',
  '-/authentication.k8s.io/uids': 'uids',
}

/** What a row lends to `kubectl --as`: names as the cluster has them. Returns why one is not covered. */
function addLent({ resource, action }: Row, found: Found): string | undefined {
  const isSaid = namesIn(action).includes('impersonate')
  if (!isSaid && action !== '*') return undefined
  const [, scope, group, kind, ...rest] = resource.split('/')
  const to = lendable[`${scope}/${group}/${kind}`]
  const name = rest.length === 1 && !rest[0]?.includes('*') ? lentName(rest[0] ?? '') : undefined
  if (to === undefined || name === undefined || !isNameable(name)) {
    return isSaid ? 'it lends names that a role cannot name one by one' : undefined
  }
  // Threat: a row lends what the gateway never sends.
  if (/^system:/i.test(name)) return 'names that begin with system: are never lent'
  found[to].add(name)
  return undefined
}

/** Written as its escapes once more than a path is (rbac/kubernetes/questions.ts). */
function lentName(segment: string): string | undefined {
  try {
    return decodeURIComponent(decodeURIComponent(segment))
  } catch {
    return undefined
  }
}

/**
 * Threat: constrained impersonation first asks about `*` where somebody has four groups or more, and a role that names a
 * group of that name would answer for all.
 */
const isNameable = (name: string): boolean => name !== '*' && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name)

const sorted = (names: ReadonlySet<string>): readonly string[] => [...names].sort()
