/**
 * Credentials -> who somebody is. Each kind of credential is one file with an authenticator; who is asked, and in which
 * order, is this list.
 *
 * Threat: two credentials of two people in one request, of which one part of the way believes the first and another part
 * the second. So two kinds at once are refused. And a credential that fails is not skipped: whoever is responsible
 * answers or throws, and no other one is asked.
 */
import { anonymous } from '../../rbac/identity.ts'
import { OperationalError } from '../errors.ts'
import type { Authentication, Credentials, VerifyQuestion } from '../verify.ts'

/** What an authenticator may look at: the credentials, the host, the method, whether it is an upgrade, and whether a person waits who can be sent away. */
export type AskedWith = Credentials &
  Pick<VerifyQuestion, 'isInteractive' | 'isUpgrade'> & {
    readonly request: Pick<VerifyQuestion['request'], 'domain' | 'action' | 'url'>
    /** For limits. */
    readonly clientAddress?: string | undefined
  }

/** A value when it is at hand, else a promise. Throws or rejects when it cannot tell; an error never yields an identity. */
export type Authenticate = (asked: AskedWith) => Authentication | Promise<Authentication>

export interface Authenticator {
  /** Where its credential stands. Two of one kind read the same one, and the first that is responsible answers. */
  readonly kind: string
  /** Whether a credential of this kind came along, good or bad. Looks at no store and waits for nothing. */
  readonly isResponsible: (asked: AskedWith) => boolean
  readonly authenticate: Authenticate
  /** That there is no credential is its answer as well: it is asked where nobody else is responsible. At most one is so. */
  readonly knowsNobody?: true
}

const nobody: Authentication = Object.freeze({ identity: anonymous, clearCookie: false })

/**
 * In this order. Only what an authenticator is there for counts as a credential: an Authorization header that is meant for
 * the application stays the application's. Whoever knows nobody is not asked whether it is responsible before somebody else
 * is: most requests come with its credential or with none.
 */
export function createAuthenticate(authenticators: readonly Authenticator[]): Authenticate {
  const usual = authenticators.find(({ knowsNobody }) => knowsNobody === true)
  const others = authenticators.filter(each => each !== usual)
  if (usual !== undefined && others.length === 0) return usual.authenticate
  return asked => {
    const found = findResponsible(others, asked)
    if (found === undefined) return usual?.authenticate(asked) ?? nobody
    if (usual?.isResponsible(asked) === true) throw ambiguous(usual, found)
    return found.authenticate(asked)
  }
}

/** Throws `ERR_CREDENTIALS_AMBIGUOUS` for credentials of two kinds. */
function findResponsible(authenticators: readonly Authenticator[], asked: AskedWith): Authenticator | undefined {
  let found: Authenticator | undefined
  for (const candidate of authenticators) {
    if (found?.kind === candidate.kind || !candidate.isResponsible(asked)) continue
    if (found !== undefined) throw ambiguous(found, candidate)
    found = candidate
  }
  return found
}

const ambiguous = (one: Authenticator, other: Authenticator): OperationalError =>
  new OperationalError(
    'ERR_CREDENTIALS_AMBIGUOUS',
    `credentials of two kinds came along: ${one.kind} and ${other.kind}`,
  )
