/**
 * Whom the gateway has to be able to speak for in a cluster, by name: what the policy names, and who is logged in. Pure.
 *
 * Threat: a role without names lets whoever has the gateway's credential be anybody. So what has no name is left out and
 * told of, and never becomes a rule for all.
 */
import {
  type AdmittedSubject,
  admittedSubjects,
  allowingRows,
  createMayCome,
} from '../../../rbac/asking/cluster-people.ts'
import type { User } from '../../../rbac/identity.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import { impersonatedByExtra, impersonationOf, NamelessError, type NamesOfPeople, sessionExtra } from '../person.ts'
import type { ImpersonationMode } from './impersonation-mode.ts'
import { addLent, isNameable, type Lent, mayLendUsers } from './lent.ts'

/** Sorted, each once. */
export interface Impersonable {
  readonly users: readonly string[]
  /** With the prefix of the cluster. */
  readonly groups: readonly string[]
  readonly uids: readonly string[]
  readonly extras: readonly ImpersonableExtra[]
  readonly notCovered: readonly NotCovered[]
}

export interface ImpersonableExtra {
  readonly key: string
  /** Sorted, one at least. Absent: any. */
  readonly values?: readonly string[]
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
  readonly mode: ImpersonationMode
  readonly names: NamesOfPeople
  readonly policy: Pick<PolicySnapshot, 'rows' | 'roles' | 'addRoles'>
  /** Those who are logged in. */
  readonly people: readonly User[]
}

export function impersonableIn({ cluster, mode, names, policy, people }: ImpersonableOptions): Impersonable {
  const domain = `kube:${cluster}`
  const found: Lent = { users: new Set(), groups: new Set(), uids: new Set(), extras: new Map() }
  const notCovered: NotCovered[] = []
  const rows = allowingRows(policy, domain)
  const mayCome = createMayCome(policy, domain)
  const mayAsk = createMayCome({ ...policy, rows: rows.filter(mayLendUsers) }, domain)
  const asking = new Set<string>()
  for (const person of people.filter(mayCome)) {
    const who = person.email ?? person.subject
    try {
      const { user, groups, uid } = impersonationOf(person, '-', names)
      const unnamed = [user, ...groups, uid].find(name => !isNameable(name))
      if (unnamed !== undefined) throw new NamelessError(`the name ${JSON.stringify(unnamed)} can stand in no role`)
      found.users.add(user)
      found.uids.add(uid)
      for (const group of groups) found.groups.add(group)
      if (mayAsk(person)) asking.add(user)
    } catch (error) {
      if (!(error instanceof NamelessError)) throw error
      notCovered.push({ who, why: error.message })
    }
  }
  for (const admitted of admittedSubjects(policy, domain)) {
    const missing = addNamed(admitted, names, found)
    if (missing !== undefined) notCovered.push({ who: admitted.subject, why: missing, rule: admitted.rule })
  }
  for (const row of rows) {
    const missing = addLent(row, found, mode)
    if (missing !== undefined) notCovered.push({ who: row.resource, why: missing, rule: row.id })
  }
  if (asking.size > 0) found.extras.set(impersonatedByExtra, asking)
  return {
    users: sorted(found.users),
    groups: sorted(found.groups),
    uids: sorted(found.uids),
    extras: [{ key: sessionExtra }, ...[...found.extras].sort(byKey).map(extraOf)],
    notCovered,
  }
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

const extraOf = ([key, values]: readonly [string, ReadonlySet<string> | 'any']): ImpersonableExtra =>
  values === 'any' ? { key } : { key, values: sorted(values) }

const untilLogin = 'each of them is covered once they have logged in'

/** What a row names as it is; returns why somebody whom it lets in is not covered yet. */
function addNamed(
  { subject }: AdmittedSubject,
  names: NamesOfPeople,
  { users, groups, uids }: Omit<Lent, 'extras'>,
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
    case 'certificate':
      // Called as rows name them, in no group and without a uid.
      if (!isNameable(subject)) return 'the name can stand in no role'
      users.add(subject)
      return undefined
    default:
      return untilLogin
  }
}

const sorted = (names: ReadonlySet<string>): readonly string[] => [...names].sort()
