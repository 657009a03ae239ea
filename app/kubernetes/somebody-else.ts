/**
 * Whom somebody asks to be judged as (`kubectl --as`): what the policy is asked for that, whom it then sees, and what the
 * API server is told (docs/adr/0045-as-somebody-else.md).
 */
import type { User } from '../../rbac/identity.ts'
import { impersonationQuestions, type KubernetesQuestions } from '../../rbac/kubernetes/questions.ts'
import type { Subject } from './gateway/gateway-call.ts'
import {
  type Impersonation,
  impersonatedByExtra,
  NamelessError,
  type NamesInCluster,
  requireOwnNames,
} from './person.ts'

export interface SomebodyElse {
  /** Whether the person may be each of the names. */
  readonly questions: KubernetesQuestions
  /** As whom the policy judges the call. */
  readonly identity: User
  /** As whom the API server judges it. */
  readonly sent: Subject
}

/** Of one call: each name is a question to the policy, and stands in the audit log. */
const mostNames = 64
const mostCharacters = 4096

/** Whether an extra is ours alone: what it says is believed. */
export const isOwnExtra = (key: string): boolean => /^(?:[^/]+\.)?sallyport\.dev(?:\/|$)/.test(key)

/** @param own as whom the person calls for themselves. Throws `NamelessError`. */
export function somebodyElse(asked: Subject, person: User, own: Impersonation, names: NamesInCluster): SomebodyElse {
  const { user, uid, extra } = asked
  const groups = [...new Set(asked.groups)]
  requireFew([user, ...groups, ...(uid === undefined ? [] : [uid]), ...Object.entries(extra).flat(2)])
  requireOwnNames([user, ...groups])
  const key = Object.keys(extra).find(isOwnExtra)
  if (key !== undefined) throw new NamelessError(`the extra ${key} is said by the gateway alone`)
  const questions = impersonationQuestions({ ...asked, groups })
  if (questions === undefined) throw new NamelessError('one of the names to be judged as is empty, or cannot be a name')
  return {
    questions,
    identity: identityOf(user, groups, person, names),
    sent: { ...asked, groups, extra: { ...extra, ...own.extra, [impersonatedByExtra]: [own.user] } },
  }
}

/**
 * Threat: a name that opens a row for somebody whom the cluster calls otherwise, and a login that nobody made. So names are
 * taken as the cluster has them; how the login was made are facts of the person who made it; claims are nobody's.
 */
function identityOf(user: string, groups: readonly string[], person: User, names: NamesInCluster): User {
  const { groupPrefix, userClaim, calledBy } = names
  const called = calledBy(user)
  if (called === undefined)
    throw new NamelessError(`${user} is no ${userClaim}, by which people are called in this cluster`)
  const { authTime, amr, acr } = person
  return {
    kind: 'user',
    ...called,
    // No row can name it: nobody knows which provider a group of the cluster is of.
    provider: '',
    groups: groups.map(group => withoutPrefix(group, groupPrefix)),
    claims: {},
    ...(authTime !== undefined && { authTime }),
    ...(amr !== undefined && { amr }),
    ...(acr !== undefined && { acr }),
  }
}

/** Threat: `ops`, a group of the cluster's own, is taken for the `ops` of the policy, which is called `sallyport:ops` there. */
function withoutPrefix(group: string, prefix: string): string {
  if (group.startsWith(prefix) && group.length > prefix.length) return group.slice(prefix.length)
  throw new NamelessError(`groups to be judged as begin with ${prefix} in this cluster: ${group}`)
}

function requireFew(names: readonly string[]): void {
  const characters = names.reduce((sum, { length }) => sum + length, 0)
  if (names.length > mostNames || characters > mostCharacters)
    throw new NamelessError(`at most ${mostNames} names with ${mostCharacters} characters can be asked for in one call`)
}
