/** What stands in a session record, as express-session and passport write it, and how long it lives. */
import type { User } from '../../rbac/identity.ts'
import type { LoginSession } from './login-session.ts'

export interface SessionLimits {
  /** Time from the login to the end of the session, however much it is used, in seconds. */
  readonly lifetimeSeconds: number
  /** Time without use after which the session ends, in seconds. */
  readonly idleSeconds: number
  /** The same for somebody who chose to stay logged in; absent where nobody may. */
  readonly remembered?: { readonly lifetimeSeconds: number; readonly idleSeconds: number }
}

/** What holds for this login. Where nobody may stay logged in any more, those who did have the usual limits. */
export function limitsOf(login: LoginSession | undefined, limits: SessionLimits): SessionLimits {
  return login?.isRemembered === true ? (limits.remembered ?? limits) : limits
}

/** When a login ends at the latest, in seconds since the epoch. */
export const endOf = (login: LoginSession, limits: SessionLimits): number =>
  login.startedAt + limitsOf(login, limits).lifetimeSeconds

/** In seconds: what ends a session has to stand for as long as any session might. */
export const longestLifetimeOf = ({ lifetimeSeconds, remembered }: SessionLimits): number =>
  Math.max(lifetimeSeconds, remembered?.lifetimeSeconds ?? 0)

/** The login in a session, or `undefined` when nobody is logged in or the shape is not ours. */
export function parsePayload(payload: unknown): LoginSession | undefined {
  return isObject(payload) && isObject(payload.passport) ? parseLogin(payload.passport.user) : undefined
}

/** The seal vouches for who wrote it; the shape is checked because an older version may have. */
export function parseLogin(login: unknown): LoginSession | undefined {
  if (!isObject(login) || !isUser(login.identity)) return undefined
  if (typeof login.startedAt !== 'number' || !Number.isFinite(login.startedAt)) return undefined
  const { identity, startedAt } = login
  const parsed: Record<string, unknown> = { identity, startedAt }
  for (const [name, is] of optionalFields) if (login[name] !== undefined && is(login[name])) parsed[name] = login[name]
  // A binding that cannot be read must not become none.
  if (login.boundTo !== undefined && parsed.boundTo === undefined) return undefined
  return parsed as unknown as LoginSession
}

/** When a session that is used now expires, in milliseconds: idle time never reaches beyond the lifetime. */
export function expiryOf(login: LoginSession | undefined, now: number, limits: SessionLimits): number {
  const { lifetimeSeconds, idleSeconds } = limitsOf(login, limits)
  const start = login === undefined ? now : login.startedAt * 1000
  return Math.min(start + lifetimeSeconds * 1000, now + idleSeconds * 1000)
}

/**
 * Whether an expiry is far enough from what it should be to write it: at most once a minute, so that a page with a
 * hundred resources is not a hundred writes; a quarter of very short idle times. It may also be too far away, after the
 * operator has shortened the idle time. `limits` are those of the login.
 */
export function isExpiryStale(stored: number, wanted: number, limits: SessionLimits): boolean {
  return Math.abs(wanted - stored) >= Math.min(60_000, limits.idleSeconds * 250)
}

function isUser(value: unknown): value is User {
  if (!isObject(value) || value.kind !== 'user') return false
  return (
    isText(value.subject) &&
    isText(value.provider) &&
    isTextList(value.groups) &&
    isObject(value.claims) &&
    isAbsentOr(value.email, isText) &&
    isAbsentOr(value.name, isText) &&
    isAbsentOr(value.authTime, isNumber) &&
    isAbsentOr(value.amr, isTextList) &&
    isAbsentOr(value.acr, isText)
  )
}

const isAttempt = (value: unknown) => isObject(value) && isNumber(value.since) && isNumber(value.retryAt)
const isOrigin = (value: unknown) =>
  isObject(value) && isAbsentOr(value.clientAddress, isText) && isAbsentOr(value.userAgent, isText)
const isBinding = (value: unknown) =>
  isObject(value) && value.kind === 'client-certificate' && isText(value.thumbprint) && value.thumbprint !== ''
const isOneOf = (values: readonly unknown[]) => (value: unknown) => values.includes(value)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown) => typeof value === 'string'
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value)
const isTextList = (value: unknown) => Array.isArray(value) && value.every(isText)
const isAbsentOr = (value: unknown, is: (value: unknown) => boolean) => value === undefined || is(value)

/** The rest of a login; one that is not of our shape is left out. */
const optionalFields: readonly (readonly [keyof LoginSession, (value: unknown) => boolean])[] = [
  ['startedAtMs', isNumber],
  ['verifiedAt', isNumber],
  ['unverified', isAttempt],
  ['verifyBy', isOneOf(['refresh-token', 'access-token'])],
  ['providerSession', isText],
  ['startedFrom', isOrigin],
  ['isRemembered', isOneOf([true])],
  ['boundTo', isBinding],
  ['idToken', isText],
]
