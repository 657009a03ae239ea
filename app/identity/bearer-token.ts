/**
 * Bearer token (RFC 6750) -> the workload, client or person whom its issuer says it stands for, on hosts that take tokens.
 *
 * A token that was seen costs no signature check: what it says is kept under its digest, together with what this host takes,
 * until it expires or its issuer has other keys. Threat: forged tokens that push good ones out. Only what was verified is kept.
 * Where the issuer itself is asked its answer is as old as its setting says at most.
 */
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { SessionChallenge } from '../../rbac/decision.ts'
import { anonymous, type User } from '../../rbac/identity.ts'
import { OperationalError } from '../errors.ts'
import type { Authentication, Credentials } from '../verify.ts'
import type { AskedWith, Authenticator } from './authenticators.ts'
import { requireCertificate } from './proof/bound-certificate.ts'
import { verifyAndAsk } from './token/ask-issuer.ts'
import { createOneObject } from './token/one-object.ts'
import { type TokenRefusalReason, TokenRefused } from './token/refusal.ts'
import type { Acceptance, VerifiedToken } from './token/verify-token.ts'

/** What one host takes; the same object for the same host. */
export interface HostAcceptance extends Acceptance {
  /** Whether tokens count that this service made for the host. */
  readonly takesOwn?: boolean
  /** Lower-case name of a header that holds the bare token; absent: `Authorization: Bearer`. */
  readonly header?: string | undefined
  /** Names of the providers whose people the host takes; absent: all. */
  readonly providers?: readonly string[] | undefined
  /** How long ago a person may have authenticated; absent: any time. */
  readonly maxAgeSeconds?: number | undefined
  /** How long the host may be without a request of a person's session; a person by token has none. Absent: any time. */
  readonly maxIdleSeconds?: number | undefined
}

export interface BearerTokenOptions {
  /** `undefined` for a host that takes none. */
  readonly acceptedOn: (domain: string) => HostAcceptance | undefined
  /** Whether some host has a header of its own. */
  readonly hasOwnHeaders: boolean
  /** Thumbprint of the connection's client certificate; `undefined` where none is known. Absent: none ever is. */
  readonly certificateIn?: ((headers: Credentials['headers']) => string | undefined) | undefined
  readonly clock: { readonly now: () => number }
  /** Told of each token that lets nobody in; must not throw. */
  readonly onRefused?: (reason: TokenRefusalReason) => void
  /** Default: `verifyAndAsk`. */
  readonly verify?: typeof verifyAndAsk
}

/** Of what is kept, in bytes: some 4,000 tokens. */
const rememberedBytes = 8 * 1024 * 1024
const bytesOfOne = 1_024

type Remembered = Pick<VerifiedToken, 'expiresAtMs' | 'keySet' | 'issuer' | 'answer' | 'certificate'> & {
  readonly authentication: OfToken
  /** From when on its issuer is asked again beside the requests; absent: not any more. */
  renewAtMs?: number
}

/**
 * Of the time that an answer counts. It differs from token to token: those that came together are not asked about together
 * again, and none waits whose bearer comes often.
 */
const renewAfter = (): number => 0.6 + Math.random() * 0.3

export function createBearerToken(options: BearerTokenOptions): Authenticator {
  const {
    acceptedOn,
    hasOwnHeaders,
    clock,
    certificateIn,
    onRefused = () => undefined,
    verify = verifyAndAsk,
  } = options
  const numbers = new WeakMap<HostAcceptance, number>()
  let count = 0
  const oneObject = createOneObject()
  const remembered = new LRUCache<string, Remembered>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ authentication }) => bytesOfOne + JSON.stringify(authentication.identity).length * 2,
  })

  function numberOf(acceptance: HostAcceptance): number {
    const known = numbers.get(acceptance)
    if (known !== undefined) return known
    count += 1
    numbers.set(acceptance, count)
    return count
  }

  async function verifyAnew(token: string, acceptance: HostAcceptance): Promise<Remembered> {
    const key = keyOf(token, acceptance)
    try {
      const { identity, credential, ...standing } = await verify(token, acceptance, clock.now(), remembered.has(key))
      const authentication = Object.freeze({ identity: oneObject(identity), credential, clearCookie: false })
      const { answer } = standing
      const renewal = answer === undefined ? {} : { renewAtMs: answer.atMs + answer.forMs * renewAfter() }
      const made: Remembered = { authentication, ...standing, ...renewal }
      remembered.set(key, made)
      return made
    } catch (error) {
      if (error instanceof TokenRefused) remembered.delete(key)
      throw error
    }
  }

  /**
   * Threat: a token that came with its certificate once, and is remembered, sent again without. So what each request shows is
   * looked at, and nothing of that is kept. Throws `TokenRefused`.
   */
  function finish({ authentication, certificate }: Remembered, acceptance: HostAcceptance, asked: AskedWith) {
    if (certificate !== undefined) requireCertificate(certificate, certificateIn?.(asked.headers))
    return conclude(authentication, acceptance, clock.now())
  }

  const keyOf = (token: string, acceptance: HostAcceptance): string =>
    `${numberOf(acceptance)} ${hash('sha256', token, 'base64url')}`

  function authenticate(asked: AskedWith): Authentication | Promise<Authentication> {
    const acceptance = acceptedOn(asked.request.domain)
    if (acceptance === undefined) throw new OperationalError('ERR_INTERNAL', 'this host takes no tokens')
    const token = tokenIn(asked, acceptance)
    const key = keyOf(token, acceptance)
    const known = remembered.get(key)
    if (known !== undefined && stands(known) && isAnswered(known)) {
      renew(known, token, acceptance)
      return finish(known, acceptance, asked)
    }
    if (known !== undefined && !stands(known)) remembered.delete(key)
    return verifyAnew(token, acceptance)
      .then(made => finish(made, acceptance, asked))
      .catch((error: unknown) => {
        throw answerTo(error)
      })
  }

  /** Once for an answer. Where it fails the request that finds the answer too old asks, and is told. */
  function renew(known: Remembered, token: string, acceptance: HostAcceptance): void {
    if (known.renewAtMs === undefined || clock.now() < known.renewAtMs) return
    delete known.renewAtMs
    verifyAnew(token, acceptance).catch(answerTo)
  }

  function answerTo(error: unknown): unknown {
    if (!(error instanceof TokenRefused)) return error
    onRefused(error.reason)
    return refusalOf(error)
  }

  function stands({ expiresAtMs, keySet, issuer }: Remembered): boolean {
    return clock.now() < expiresAtMs && (keySet === undefined || issuer.keys.current() === keySet)
  }

  /** Threat: a clock that was set back, by which an answer would count for longer. */
  function isAnswered({ answer }: Remembered): boolean {
    if (answer === undefined) return true
    const age = clock.now() - answer.atMs
    return age >= 0 && age < answer.forMs
  }

  return {
    kind: 'bearer token',
    isResponsible({ headers, request }) {
      // Most requests: one comparison.
      if (!hasOwnHeaders && headers.any('authorization') === undefined) return false
      const acceptance = acceptedOn(request.domain)
      return acceptance !== undefined && hasToken(headers, acceptance)
    },
    authenticate(asked) {
      try {
        return authenticate(asked)
      } catch (error) {
        throw answerTo(error)
      }
    },
  }
}

const looksLikeBearer = /(?:^|[\s,])bearer(?:[\s,]|$)/i

/**
 * Good or bad. Threat: of two lines the proxy or the application believes another one than we do; so is two schemes in one
 * line. Both count as a token here, and are refused.
 */
export function hasToken(headers: Credentials['headers'], { header }: HostAcceptance): boolean {
  if (header !== undefined) return headers.any(header) !== undefined
  const first = headers.any('authorization')
  if (first === undefined) return false
  const only = headers.only('authorization')
  return only === undefined || looksLikeBearer.test(only)
}

/** Throws `ERR_CREDENTIALS_AMBIGUOUS` for several, `TokenRefused` for what is none. */
export function tokenIn({ headers }: Credentials, { header = 'authorization' }: HostAcceptance): string {
  const value = headers.only(header)
  if (value === undefined) {
    const challenge = challengeFor('invalid_request', 'more than one token came along')
    throw new OperationalError('ERR_CREDENTIALS_AMBIGUOUS', `${header} came more than once`, { challenge })
  }
  if (header !== 'authorization') return value
  const token = /^bearer +(\S+)$/i.exec(value)?.[1]
  if (token === undefined) throw new TokenRefused('form')
  return token
}

export function refusalOf(refused: TokenRefused): OperationalError {
  const challenge = challengeFor('invalid_token', refused.message)
  return new OperationalError('ERR_BEARER_INVALID', refused.message, { challenge, cause: refused })
}

/** RFC 6750 section 3. The description may hold neither quotes nor backslashes, and ours never do. */
export const challengeFor = (error: string, description: string): string =>
  `Bearer error="${error}", error_description="${description.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, ' ')}"`

export type OfToken = Authentication & { readonly identity: VerifiedToken['identity'] }

/** What the host asks of people. Throws `TokenRefused`. */
export function conclude(known: OfToken, host: HostAcceptance, nowMs: number): Authentication {
  const { identity } = known
  const { providers, maxAgeSeconds, maxIdleSeconds } = host
  if (identity.kind !== 'user') return known
  // Threat: a token in a cache or a log, with which a host goes on that its person has long left.
  if (maxIdleSeconds !== undefined) throw new TokenRefused('idle')
  if (providers !== undefined && !providers.includes(identity.provider)) throw new TokenRefused('provider')
  if (maxAgeSeconds === undefined || isFresh(identity, maxAgeSeconds, nowMs)) return known
  const sessionChallenge: SessionChallenge = { reason: 'session-too-old', login: { maxAgeSeconds } }
  return { ...known, identity: anonymous, sessionChallenge }
}

const isFresh = ({ authTime }: User, maxAgeSeconds: number, nowMs: number): boolean =>
  authTime !== undefined && nowMs / 1000 - authTime < maxAgeSeconds
