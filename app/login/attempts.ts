/**
 * Login attempts: what has to be remembered between the redirect to the provider and the callback, keyed by `state`.
 *
 * They live in the store, not in the browser: any number of tabs can log in at once, five hundred abandoned ones leave
 * one cookie, and nothing that comes back can change where the login ends.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ClientNetworks } from '../client-networks.ts'
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import type { BoundedStore } from '../sessions/records/bounded-records.ts'
import type { NoReturn } from './return/return-to.ts'

/** What a login has to be like. */
export interface LoginWish {
  readonly maxAgeSeconds?: number
  readonly acrValues?: readonly string[]
  /** Of each list one method. */
  readonly methods?: readonly (readonly string[])[]
  readonly prompt?: 'login' | 'none'
}

/** What the person asked for when starting. */
export interface LoginIntent extends LoginWish {
  readonly provider: string
  /** Checked when the attempt was made. */
  readonly returnTo: string
  /** Why `returnTo` is not what was asked for. */
  readonly noReturn?: NoReturn
  /** Digest of the nonce that the application's host gave the browser; absent when no handoff was asked for. */
  readonly handoff?: string
  /** The first ticket for the host came to a browser without its cookie; a second one is not sent back. */
  readonly isAgain?: true
  /** Name under which the address is kept, where it is too long for a link. */
  readonly page?: string
  /** What stood behind `#` in the browser; never empty. */
  readonly fragment?: string
  /** Address that the person entered, for the provider's own page. */
  readonly loginHint?: string
  /** The person chose to stay logged in. */
  readonly isRemembered?: true
}

export interface LoginAttempt extends LoginIntent {
  /** PKCE code verifier (RFC 7636 section 4.1). */
  readonly verifier: string
  readonly nonce: string
  /** Digest of the cookie of the browser that started. */
  readonly browserHash: string
  /** Seconds since the epoch. */
  readonly startedAt: number
  /** Started by us after the browser's cookie had changed under it; not done twice. */
  readonly isRestart?: boolean
}

/** The wish alone; what is not wished for is absent. */
export function wishOf({ maxAgeSeconds, acrValues, methods, prompt }: LoginWish): LoginWish {
  return {
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
    ...(acrValues !== undefined && { acrValues }),
    ...(methods !== undefined && { methods }),
    ...(prompt !== undefined && { prompt }),
  }
}

export interface Attempts {
  /** Returns the `state`. Rejects with `ERR_STORE_UNAVAILABLE`. */
  begin(attempt: LoginAttempt, client: ClientNetworks): Promise<string>
  /** Of any number of callers one gets the attempt, the others `ERR_LOGIN_STATE_UNKNOWN`; `ExpiredAttemptError` when it is too late. */
  take(state: unknown): Promise<LoginAttempt>
}

/** It took too long. What the login was for is still known, so that it can begin again. */
export class ExpiredAttemptError extends OperationalError {
  readonly attempt: LoginAttempt
  constructor(attempt: LoginAttempt) {
    super('ERR_LOGIN_STATE_UNKNOWN', 'the login attempt has expired')
    this.attempt = attempt
  }
}

/** An open tab of yesterday. */
const keptSeconds = 24 * 3600

export interface AttemptsOptions {
  readonly store: Pick<BoundedStore<LoginAttempt>, 'put' | 'take'>
  readonly clock: Clock
  /** Default 600 s. */
  readonly lifetimeSeconds?: number
}

export function createAttempts(options: AttemptsOptions): Attempts {
  const lifetimeSeconds = options.lifetimeSeconds ?? 600
  return {
    begin: async (attempt, client) => {
      const state = randomToken()
      await options.store.put(state, attempt, Math.max(lifetimeSeconds, keptSeconds), client)
      return state
    },
    take: async state => {
      const attempt = isToken(state) ? await options.store.take(state) : undefined
      if (attempt === undefined) throw new OperationalError('ERR_LOGIN_STATE_UNKNOWN', 'no such login attempt')
      if (attempt.startedAt + lifetimeSeconds < options.clock.now() / 1000) {
        throw new ExpiredAttemptError(attempt)
      }
      return attempt
    },
  }
}

/** 32 random bytes, base64url. */
export const randomToken = (): string => randomBytes(32).toString('base64url')

/** The form of 32 bytes in base64url: of a token, and of a SHA-256 digest. */
export const isToken = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{43}$/.test(value)

export const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** In constant time for digests of equal length. */
export function isSameToken(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
