/**
 * A token that was made from a person's login -> the person, as their cookie would say it on that host.
 *
 * Threat: a token that lives on when the login has ended, or goes on with groups and a login of yesterday. So nothing of the person
 * is remembered: the session is looked at with each request, by all that looks at it for a cookie.
 */
import type { User } from '../../rbac/identity.ts'
import type { ExchangedToken } from '../sessions/exchanged-tokens.ts'
import type { Authentication } from '../verify.ts'
import type { AskedWith } from './authenticators.ts'
import type { HostAcceptance, OfToken } from './bearer-token.ts'
import type { SessionCookieAuthenticator, StandingSession } from './session-cookie.ts'
import { TokenRefused } from './token/refusal.ts'

export type LookAtSession = SessionCookieAuthenticator['ofSession']

/** Throws or rejects with `TokenRefused`, and as a session's cookie does where nobody can tell. */
export type OfLogin = (
  token: ExchangedToken & { readonly sessionId: string },
  known: OfToken,
  request: { readonly asked: AskedWith; readonly acceptance: HostAcceptance },
) => Authentication | Promise<Authentication>

/** `lookAt`: absent where no token of a login counts, as when people may have none any more. */
export function createOfLogin(lookAt: LookAtSession | undefined): OfLogin {
  return ({ sessionId, identity }, known, { asked, acceptance }) => {
    if (lookAt === undefined) throw new TokenRefused('logins')
    // Threat: a script with a token, by which a host goes on that its person has long left. And it would count as their visit.
    if (acceptance.maxIdleSeconds !== undefined) throw new TokenRefused('idle')
    // Nobody waits who could be sent to a login.
    const found = lookAt(sessionId, asked.request.domain, { headers: asked.headers, isInteractive: false })
    const conclude = (standing: StandingSession | undefined) => authenticationOf(standing, identity.subject, known)
    return found instanceof Promise ? found.then(conclude) : conclude(found)
  }
}

function authenticationOf(
  standing: StandingSession | undefined,
  subject: User['subject'],
  { credential, actors }: OfToken,
): Authentication {
  if (standing === undefined) throw new TokenRefused('session')
  const { identity, sessionDigest, sessionChallenge } = standing
  const token = credential === undefined ? {} : { credential }
  const common = { sessionDigest, ...token, actors, clearCookie: false } as const
  if (sessionChallenge !== undefined) return { ...common, identity, sessionChallenge }
  // Threat: a session in which somebody else is logged in by now.
  if (identity.kind !== 'user' || identity.subject !== subject) throw new TokenRefused('session')
  return { ...common, identity }
}
