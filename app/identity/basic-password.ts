/**
 * HTTP Basic (RFC 7617) with an application password -> the person who made it, on hosts that take them.
 *
 * A password is no login: what a host or a condition asks about how and when somebody logged in is not fulfilled by it.
 * Whoever brings one is a program; it is answered with 401 or problem details, never with a page.
 */
import type { SessionChallenge } from '../../rbac/decision.ts'
import { anonymous, type User } from '../../rbac/identity.ts'
import { OperationalError } from '../errors.ts'
import type { VerifyPassword } from '../sessions/passwords/verify-password.ts'
import type { Authentication, Credentials } from '../verify.ts'
import type { AskedWith, Authenticator } from './authenticators.ts'
import { readBasic } from './basic-credentials.ts'

/** What one host takes. */
export interface PasswordAcceptance {
  /** Names of the providers whose people the host takes; absent: all. */
  readonly providers?: readonly string[] | undefined
  /** The host asks for a recent login, or a recent use of a session: a password is neither. */
  readonly isLimited: boolean
}

export interface BasicPasswordOptions {
  /** `undefined` for a host that takes none. */
  readonly acceptedOn: (domain: string) => PasswordAcceptance | undefined
  readonly verify: VerifyPassword
}

export function createBasicPassword({ acceptedOn, verify }: BasicPasswordOptions): Authenticator {
  return {
    kind: 'password',
    isResponsible: ({ headers, request }) =>
      // Most requests: one comparison.
      headers.any('authorization') !== undefined && acceptedOn(request.domain) !== undefined && hasBasic(headers),
    async authenticate(asked) {
      const { domain } = asked.request
      const acceptance = acceptedOn(domain)
      if (acceptance === undefined) throw new OperationalError('ERR_INTERNAL', 'this host takes no passwords')
      const { user, password: text } = credentialsIn(asked)
      const verdict = await verify({ user, text, domain, clientAddress: asked.clientAddress })
      if (verdict.kind === 'person') return conclude(verdict.person, verdict.handle, acceptance, domain)
      if (verdict.kind === 'refused') throw refusal(domain, verdict.detail)
      // Not 401: programs throw away a password that was refused so, and this one will count again.
      throw new OperationalError('ERR_PASSWORD_ASLEEP', verdict.detail)
    },
  }
}

const looksLikeBasic = /(?:^|[\s,])basic(?:[\s,]|$)/i

/** Good or bad. Threat: of two lines the proxy or the application believes another one than we do. */
function hasBasic(headers: Credentials['headers']): boolean {
  const only = headers.only('authorization')
  return only === undefined || looksLikeBasic.test(only)
}

/** Throws `ERR_CREDENTIALS_AMBIGUOUS` for several lines, `ERR_PASSWORD_INVALID` for what is none. */
function credentialsIn({ headers, request }: AskedWith) {
  const value = headers.only('authorization')
  if (value === undefined) throw new OperationalError('ERR_CREDENTIALS_AMBIGUOUS', 'authorization came more than once')
  const credentials = readBasic(value)
  if (credentials === undefined) throw refusal(request.domain, 'it is no user name and password')
  return credentials
}

/** RFC 7617 section 2 and 2.1. `domain` is canonical: no quotes. */
export const basicChallenge = (domain: string): string => `Basic realm="${domain}", charset="UTF-8"`

const refusal = (domain: string, detail: string): OperationalError =>
  new OperationalError('ERR_PASSWORD_INVALID', detail, { challenge: basicChallenge(domain) })

const tooOld: SessionChallenge = Object.freeze({ reason: 'session-too-old', login: Object.freeze({}) })

function conclude(person: User, handle: string, acceptance: PasswordAcceptance, domain: string): Authentication {
  const { providers, isLimited } = acceptance
  if (providers !== undefined && !providers.includes(person.provider)) {
    throw refusal(domain, `this host does not take people of ${person.provider}`)
  }
  const credential = {
    credential: 'application-password',
    credentialIssuer: 'sallyport',
    credentialId: handle,
  } as const
  if (isLimited) return { identity: anonymous, credential, clearCookie: false, sessionChallenge: tooOld }
  return { identity: person, credential, clearCookie: false }
}
