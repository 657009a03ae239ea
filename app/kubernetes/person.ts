/** What a person is called in a cluster: the names that the API server is to judge, and writes into its own log. */
import type { Identity, User } from '../../rbac/identity.ts'

/** `Impersonate-User`, `-Group`, `-Uid` and `-Extra-…` of a call. */
export interface Impersonation {
  readonly user: string
  readonly groups: readonly string[]
  readonly uid: string
  /** Values by key. */
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export interface NamesInCluster {
  /** Put in front of every group. */
  readonly groupPrefix: string
  /** Name of the setting's claim, for the person who has none. */
  readonly userClaim: string
  readonly userOf: (identity: Identity) => string | undefined
  /** The other way round, what a name tells of whoever has it; `undefined` for a name that nobody can have. */
  readonly calledBy: (user: string) => Called | undefined
}

export type Called = Pick<User, 'subject' | 'email'> & Required<Pick<User, 'untold'>>

/** What it takes to call somebody who is known. */
export type NamesOfPeople = Pick<NamesInCluster, 'groupPrefix' | 'userClaim' | 'userOf'>

/** Why nobody can be made of somebody, in a sentence for them and their administrator. */
export class NamelessError extends Error {}

/** The session, as audit events have it: joins both logs. Lower case and with a domain, or constrained impersonation refuses it. */
export const sessionExtra = 'sallyport.dev/session'

/** The person who asked to be judged as somebody else, by their name in the cluster. */
export const impersonatedByExtra = 'sallyport.dev/impersonated-by'

/**
 * Threat: a provider, or a person who edits their own claims there, names somebody `system:admin` or a group
 * `system:masters`, which the API server takes for its own. Throws `NamelessError`.
 */
export function impersonationOf(identity: Identity, session: string, names: NamesOfPeople): Impersonation {
  if (identity.kind === 'anonymous') throw new NamelessError('nobody is logged in')
  const { groupPrefix, userClaim } = names
  const user = names.userOf(identity)
  if (user === undefined || user === '') {
    throw new NamelessError(`your login has no ${userClaim}, by which people are called in this cluster`)
  }
  const groups = [...new Set(identity.groups)].map(group => `${groupPrefix}${group}`)
  requireOwnNames([user, ...groups])
  return { user, groups, uid: identity.subject, extra: { [sessionExtra]: [session] } }
}

/**
 * The same, made once for a person whom nobody can change, who calls one cluster with one session most of the time; a call then
 * takes 3 % less. Threat: groups that somebody had. A login that is described otherwise is another object (`SessionStore.find`).
 */
export function createOwnNames(): (identity: User, session: string, names: NamesOfPeople) => Impersonation {
  const known = new WeakMap<
    User,
    { readonly session: string; readonly names: NamesOfPeople; readonly own: Impersonation }
  >()
  return (identity, session, names) => {
    const before = known.get(identity)
    if (before !== undefined && before.session === session && before.names === names) return before.own
    const own = impersonationOf(identity, session, names)
    if (!Object.isFrozen(identity) || !Object.isFrozen(identity.groups)) return own
    freezeWithLists(own)
    known.set(identity, { session, names, own })
    return own
  }
}

/** What is frozen may be remembered by whoever is given it. */
function freezeWithLists(own: Impersonation): void {
  for (const list of Object.values(own.extra)) Object.freeze(list)
  for (const member of [own.groups, own.extra, own]) Object.freeze(member)
}

/** As workloads are called in clusters (app/kubernetes/workload.ts). */
export const ofWorkloads = /^(?:service-account|client|certificate):/i

/** Throws `NamelessError` for a name of the cluster's own components, or of a workload: a claim can say anything. */
export function requireOwnNames(names: readonly string[]): void {
  const workload = names.find(name => ofWorkloads.test(name))
  if (workload !== undefined) throw new NamelessError(`nobody but a workload is called like one: ${workload}`)
  const claimed = names.find(name => /^system:/i.test(name))
  if (claimed !== undefined) throw new NamelessError(`names that begin with system: are the cluster's own: ${claimed}`)
}

/**
 * What a name says of whoever has it, where the setting's claim is what people are called. A name without an `@` is no
 * address: of a program, or made up for a purpose.
 */
export function calledBy(
  user: string,
  userClaim: string,
  parseEmail: (text: string) => string | undefined,
): Called | undefined {
  if (userClaim === 'sub') return { subject: user, untold: ['email'] }
  if (userClaim !== 'email') return { subject: '', untold: ['user', 'email'] }
  if (!user.includes('@')) return { subject: '', untold: ['user'] }
  // Threat: `bob@EXAMPLE.com`, whom rows take for Bob and the cluster for somebody else.
  return parseEmail(user) === user ? { subject: '', email: user, untold: ['user'] } : undefined
}
