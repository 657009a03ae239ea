/**
 * What an application gets as `Authorization: Bearer` (RFC 6750 section 2.1), on hosts that want it: the assertion, or a token
 * for a cluster behind the gateway, with which a dashboard acts as whoever sits in front of it.
 *
 * Threat: what a client wrote there by itself passes for ours. So the header is in every answer for such a host, and empty
 * where there is nothing to say.
 *
 * Threat: a program that came with a token gets another one that can do more. A token for a cluster is made for a session
 * whose own cookie came, after everything that the host asks of a session, and hangs on it: the gateway looks at the session
 * and asks the policy with each call.
 */
import type { AuthorizationHeader } from '../../config/schema/authorization-header.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import type { Clock } from '../clock.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { Authentication } from '../verify.ts'
import { audienceOf } from './sign.ts'

export const authorizationName = 'Authorization'
const scheme = 'Bearer '

/** Of a token for a cluster with its scheme, in bytes. The identity headers of such a host have that much less room. */
export const longestClusterBearer = 1_400

export interface AuthorizationOptions {
  /** What a host wants, by its canonical name. */
  readonly wantedOn: (domain: string) => AuthorizationHeader | undefined
  /** Name of the header with the assertion. */
  readonly assertionName: string
  readonly clusterToken: ClusterToken
  /** Told of a person whose token does not fit; the application gets none then. */
  readonly onTooLong: (subject: string) => void
}

export interface OpenSession {
  /** Secret. */
  readonly sessionId: string
  readonly login: LoginSession
}

/** `application`: origin of whoever gets it. Throws `ERR_SIGNING_UNAVAILABLE` when there is no key. */
export type ClusterToken = (session: OpenSession, cluster: string, application: string) => string

/** The headers of an allowed request, names and values alternating, and those of a host that wants this one with it. */
export type Authorize = (
  identityHeaders: readonly string[],
  authentication: Authentication,
  request: AccessRequest,
) => readonly string[]

export function createAuthorization(options: AuthorizationOptions): Authorize {
  const { wantedOn, assertionName, clusterToken, onTooLong } = options

  function ofCluster({ sessionId, login }: Authentication, cluster: string, request: AccessRequest): string {
    if (sessionId === undefined || login === undefined) return ''
    const bearer = scheme + clusterToken({ sessionId, login }, cluster, audienceOf(request))
    if (bearer.length <= longestClusterBearer) return bearer
    onTooLong(login.identity.subject)
    return ''
  }

  return (identityHeaders, authentication, request) => {
    const wanted = wantedOn(request.domain)
    if (wanted === undefined) return identityHeaders
    const value =
      wanted.kind === 'assertion'
        ? bearerOf(assertionIn(identityHeaders, assertionName))
        : ofCluster(authentication, wanted.cluster, request)
    return [...identityHeaders, authorizationName, value]
  }
}

/** A person may be called like the header: only every other text is a name. */
const assertionIn = (headers: readonly string[], name: string): string =>
  headers.find((_, at) => at % 2 === 1 && headers[at - 1] === name) ?? ''

/** What the header takes of the room for all of them, in bytes; `assertion` is the one that the host gets. */
export function roomForAuthorization(wanted: AuthorizationHeader | undefined, assertion: string): number {
  if (wanted === undefined) return 0
  return wanted.kind === 'cluster' ? longestClusterBearer : bearerOf(assertion).length
}

const bearerOf = (token: string): string => (token === '' ? '' : scheme + token)

export interface RememberedTokensOptions {
  readonly make: ClusterToken
  /** What signs now; a change forgets everything it did not sign. Throws `ERR_SIGNING_UNAVAILABLE`. */
  readonly currentKey: () => object
  /** For how long a token is given out again, in milliseconds. */
  readonly keepMs: number
  readonly clock: Clock
}

interface Kept {
  readonly token: string
  readonly place: string
  readonly key: object
  readonly madeAt: number
}

/** Dashboards that somebody uses in turn. */
const mostOfOne = 4

/**
 * Keeps tokens for a part of their life. They hang on the object of the login, which is that of one session alone: what was
 * read anew with other groups is another object.
 */
export function createRememberedTokens({ make, currentKey, keepMs, clock }: RememberedTokensOptions): ClusterToken {
  const keptOf = new WeakMap<LoginSession, readonly Kept[]>()
  return (session, cluster, application) => {
    const key = currentKey()
    const place = `${cluster} ${application}`
    const all = keptOf.get(session.login) ?? []
    const known = all.find(one => one.place === place)
    // A clock that was set back must not lengthen the life of what is kept.
    if (known?.key === key && Math.abs(clock.now() - known.madeAt) < keepMs) return known.token
    const token = make(session, cluster, application)
    const others = all.filter(one => one !== known).slice(0, mostOfOne - 1)
    keptOf.set(session.login, [{ token, place, key, madeAt: clock.now() }, ...others])
    return token
  }
}
