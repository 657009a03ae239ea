/**
 * A token that this service made out of another one -> whom that one stood for, on the host that it was made for.
 *
 * The signature is looked at once. Whether the token still stands is asked of the store with each request, as of a session:
 * what was revoked anywhere counts nowhere from then on, and a store that does not answer lets nobody in.
 */
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { CredentialFacts } from '../audit/access-event.ts'
import { OperationalError } from '../errors.ts'
import type { ExchangedToken, ExchangedTokens, OpenedToken } from '../sessions/exchanged-tokens.ts'
import type { Authentication, Credentials } from '../verify.ts'
import type { AskedWith, Authenticator } from './authenticators.ts'
import { challengeFor, conclude, type HostAcceptance, type OfToken, refusalOf, tokenIn } from './bearer-token.ts'
import { createOfLogin, type LookAtSession } from './login-token.ts'
import { requireCertificate, thumbprintMember } from './proof/bound-certificate.ts'
import type { Proofs } from './proof/dpop.ts'
import { proofAlgorithms } from './proof/dpop.ts'
import type { KeySet } from './token/issuer-keys.ts'
import { type TokenRefusalReason, TokenRefused } from './token/refusal.ts'
import { type TrustedIssuer, verifySigned } from './token/verify-token.ts'

export interface ExchangedTokenOptions {
  /** `undefined` for a host that takes no tokens. */
  readonly acceptedOn: (domain: string) => HostAcceptance | undefined
  readonly own: TrustedIssuer
  readonly tokens: Pick<ExchangedTokens, 'open'>
  readonly proofs: Proofs
  /** Thumbprint of the connection's client certificate; `undefined` where none is known. Absent: none ever is. */
  readonly certificateIn?: ((headers: Credentials['headers']) => string | undefined) | undefined
  readonly permits: (
    scope: string | undefined,
    asked: { readonly method: string; readonly isUpgrade: boolean },
  ) => boolean
  /** Looks at the login session that a token was made from. Absent: a token of a login counts for nothing. */
  readonly ofSession?: LookAtSession | undefined
  readonly clock: { readonly now: () => number }
  /** Told of each token that lets nobody in; must not throw. */
  readonly onRefused?: (reason: TokenRefusalReason) => void
}

interface Remembered {
  readonly opened: OpenedToken
  readonly keySet: KeySet
  readonly authentication: OfToken
}

/** Of what is kept, in bytes: some 4,000 tokens. */
const rememberedBytes = 8 * 1024 * 1024
const bytesOfOne = 2_048

export function createExchangedToken(options: ExchangedTokenOptions): Authenticator {
  const { acceptedOn, own, clock, onRefused = () => undefined } = options
  const isOurs = createRecognition(own.issuer)
  const ofLogin = createOfLogin(options.ofSession)
  const remembered = new LRUCache<string, Remembered>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ authentication: { identity, actors } }) =>
      bytesOfOne + JSON.stringify([identity, actors]).length * 2,
  })

  async function open(key: string, token: string, domain: string): Promise<Remembered> {
    // Threat: a token for one host, used at another. The audience is that of the host that is asked for.
    const acceptance = { issuers: [own], audience: domain }
    const { read, keySet } = await verifySigned(token, acceptance, clock.now())
    const { jti } = read.claims
    const opened = typeof jti === 'string' ? await options.tokens.open(jti) : undefined
    if (opened === undefined || opened.token.host !== domain) throw new TokenRefused('revoked')
    const found = { opened, keySet, authentication: authenticationOf(String(jti), opened.token) }
    remembered.set(key, found)
    return found
  }

  /** Throws or rejects alike; a promise only where something has to be proved. */
  function answer(
    { opened, authentication }: Remembered,
    presented: Presented,
  ): Authentication | Promise<Authentication> {
    const { asked, acceptance, scheme } = presented
    checkScope(opened.token, asked, options)
    const { jkt, certificate } = boundTo(opened.token)
    if (certificate !== undefined) requireCertificate(certificate, options.certificateIn?.(asked.headers))
    // Threat: a token that is bound to a key, sent as if it were bound to nothing; and a proof that nothing asks for.
    if ((jkt === undefined) !== (scheme !== 'dpop')) throw new TokenRefused(scheme === 'dpop' ? 'proof' : 'bound')
    const finish = () => {
      const { sessionId } = opened.token
      if (sessionId !== undefined) return ofLogin({ ...opened.token, sessionId }, authentication, presented)
      return conclude(authentication, acceptance, clock.now())
    }
    return jkt === undefined ? finish() : prove(jkt, presented).then(finish)
  }

  async function prove(jkt: string, { asked, token }: Presented): Promise<void> {
    const { action: method, url } = asked.request
    const proof = await options.proofs.verify({ proof: asked.headers.only('dpop'), method, url, token, jkt })
    if (!(await proof.take())) throw new TokenRefused('proof')
  }

  async function authenticateAnew(key: string, presented: Presented): Promise<Authentication> {
    return answer(await open(key, presented.token, presented.asked.request.domain), presented)
  }

  function refuseEnded(key: string, { opened }: Remembered): never {
    remembered.delete(key)
    throw new TokenRefused(clock.now() >= opened.token.expiresAt * 1000 ? 'expired' : 'revoked')
  }

  function authenticateKnown(key: string, known: Remembered, presented: Presented) {
    const conclusion = (stands: boolean) => (stands ? answer(known, presented) : refuseEnded(key, known))
    const stands = known.opened.stands()
    return stands instanceof Promise ? stands.then(conclusion) : conclusion(stands)
  }

  return {
    kind: 'bearer token',
    isResponsible({ headers, request }) {
      const acceptance = acceptedOn(request.domain)
      if (acceptance?.takesOwn !== true) return false
      return isOurs(headers.only(acceptance.header ?? 'authorization'))
    },
    authenticate(asked) {
      const { domain } = asked.request
      const acceptance = acceptedOn(domain)
      if (acceptance === undefined) throw new OperationalError('ERR_INTERNAL', 'this host takes no tokens')
      return refusing(onRefused, () => {
        const presented = presentedIn(asked, acceptance)
        const key = `${domain} ${hash('sha256', presented.token, 'base64url')}`
        const known = remembered.get(key)
        const isKnown = known !== undefined && known.keySet === own.keys.current()
        return isKnown ? authenticateKnown(key, known, presented) : authenticateAnew(key, presented)
      })
    },
  }
}

/** A token as it came. */
interface Presented {
  readonly asked: AskedWith
  readonly acceptance: HostAcceptance
  readonly token: string
  /** `dpop`: with a proof of a key (RFC 9449 section 7.1). */
  readonly scheme: 'bearer' | 'dpop'
}

function presentedIn(asked: AskedWith, acceptance: HostAcceptance): Presented {
  const { headers } = asked
  const { header } = acceptance
  // In a header of the host's own there is no scheme: the proof beside it says which it is.
  if (header !== undefined) {
    const scheme = headers.any('dpop') === undefined ? 'bearer' : 'dpop'
    return { asked, acceptance, token: tokenIn(asked, acceptance), scheme }
  }
  const token = /^dpop +(\S+)$/i.exec(headers.only('authorization') ?? '')?.[1]
  if (token !== undefined) return { asked, acceptance, token, scheme: 'dpop' }
  return { asked, acceptance, token: tokenIn(asked, acceptance), scheme: 'bearer' }
}

/**
 * Who answers for a token, and nothing more: whatever seems to be ours is verified as ours, and everything else by those who
 * do not believe our issuer.
 */
function createRecognition(issuer: string): (value: string | undefined) => boolean {
  const mark = `"iss":${JSON.stringify(issuer)}`
  return value => {
    const claims = value?.split('.', 3)[1]
    if (claims === undefined || claims.length >= 8_192) return false
    const bytes = Buffer.from(claims, 'base64url')
    // Most tokens of others: no more than that.
    return bytes.includes(mark) && isIssuer(bytes.toString(), issuer)
  }
}

/** Not of `act`, say: a token that somebody made by way of one of ours is theirs. What cannot be read is ours to refuse. */
function isIssuer(text: string, issuer: string): boolean {
  try {
    const claims = JSON.parse(text) as { readonly iss?: unknown } | null
    return claims?.iss === issuer
  } catch {
    return true
  }
}

/** Threat: a binding of a kind that is not known here, which would be none. Throws `TokenRefused`. */
function boundTo({ confirmation }: ExchangedToken) {
  const { jkt, [thumbprintMember]: certificate } = confirmation ?? {}
  if (confirmation !== undefined && jkt === undefined && certificate === undefined) throw new TokenRefused('bound')
  return { jkt, certificate }
}

function authenticationOf(id: string, token: ExchangedToken): OfToken {
  const { identity, chain, actors, actorIdentities } = token
  const credentialChain = Object.freeze(chain.map(link => `${link.issuer}/${link.id ?? '-'}`))
  const credential: CredentialFacts = Object.freeze({
    credential: token.sessionId === undefined ? 'exchanged-token' : 'login-token',
    credentialIssuer: 'sallyport',
    credentialId: id,
    credentialChain,
    ...(actors.length > 0 && { credentialActors: actors }),
  })
  return Object.freeze({ identity, actors: actorIdentities, credential, clearCookie: false })
}

/** RFC 6750 section 3.1. Whatever the policy lets its bearer do: a token with a scope is for nothing else. */
function checkScope({ scope }: ExchangedToken, asked: AskedWith, { permits }: ExchangedTokenOptions): void {
  const { request, isUpgrade } = asked
  if (permits(scope, { method: request.action, isUpgrade })) return
  const challenge = `${challengeFor('insufficient_scope', 'the token is not for requests of this kind')}, scope="${scope}"`
  throw new OperationalError('ERR_SCOPE_INSUFFICIENT', `the scope of the token is ${scope}`, { challenge })
}

/** Both of what is thrown and of what is rejected. */
function refusing<T>(onRefused: (reason: TokenRefusalReason) => void, work: () => T | Promise<T>): T | Promise<T> {
  const asRefusal = (error: unknown): never => {
    if (!(error instanceof TokenRefused)) throw error
    onRefused(error.reason)
    if (error.reason !== 'proof') throw refusalOf(error)
    const challenge = `${challengeFor('invalid_dpop_proof', error.message).replace(/^Bearer/, 'DPoP')}, algs="${proofAlgorithms.join(' ')}"`
    throw new OperationalError('ERR_BEARER_INVALID', error.message, { challenge, cause: error })
  }
  try {
    const result = work()
    return result instanceof Promise ? result.catch(asRefusal) : result
  } catch (error) {
    return asRefusal(error)
  }
}
