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

/** What an authenticator may look at: the credentials, the host, and whether a person waits who can be sent away. */
export type AskedWith = Credentials &
  Pick<VerifyQuestion, 'isInteractive'> & {
    readonly request: Pick<VerifyQuestion['request'], 'domain'>
  }

/** A value when it is at hand, else a promise. Throws or rejects when it cannot tell; an error never yields an identity. */
export type Authenticate = (asked: AskedWith) => Authentication | Promise<Authentication>

export interface Authenticator {
  /** Where its credential stands. Two of one kind read the same one, and the first that is responsible answers. */
  readonly kind: string
  /** Whether a credential of this kind came along, good or bad. Looks at no store and waits for nothing. */
  readonly isResponsible: (credentials: Credentials) => boolean
  readonly authenticate: Authenticate
}

const nobody: Authentication = Object.freeze({ identity: anonymous, clearCookie: false })

/**
 * In this order. Only what an authenticator is there for counts as a credential: an Authorization header that is meant for
 * the application stays the application's. With a single authenticator nothing is asked beside it: that there is no
 * credential is its answer as well.
 */
export function createAuthenticate(authenticators: readonly Authenticator[]): Authenticate {
  const [only, ...others] = authenticators
  if (only !== undefined && others.length === 0) return only.authenticate
  return asked => findResponsible(authenticators, asked)?.authenticate(asked) ?? nobody
}

/** Throws `ERR_CREDENTIALS_AMBIGUOUS` for credentials of two kinds. */
function findResponsible(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
): Authenticator | undefined {
  let found: Authenticator | undefined
  for (const candidate of authenticators) {
    if (found?.kind === candidate.kind || !candidate.isResponsible(credentials)) continue
    if (found !== undefined) {
      const kinds = `${found.kind} and ${candidate.kind}`
      throw new OperationalError('ERR_CREDENTIALS_AMBIGUOUS', `credentials of two kinds came along: ${kinds}`)
    }
    found = candidate
  }
  return found
}
