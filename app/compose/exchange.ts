/** Composition of the token endpoints: present where `machines.exchange` is configured. */
import { decide as decideNow } from '../../rbac/decide.ts'
import type { Decision } from '../../rbac/decision.ts'
import { tokensDomain } from '../../rbac/domains.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import { canonicaliseUrl, originOf } from '../../rbac/request/access-request.ts'
import { canonicaliseHost } from '../../rbac/request/canonical-host.ts'
import type { Situation } from '../../rbac/situation.ts'
import { isWithin, parseScope } from '../../rbac/tokens/scope.ts'
import { signJwt } from '../assertion/sign.ts'
import { subjectName } from '../audit/access-event.ts'
import type {
  AskingForHost,
  ExchangeConnections,
  ExchangeRules,
  ExchangeTokens,
  NotKnown,
} from '../exchange/dependencies.ts'
import { createExchangeRouter } from '../exchange/routes.ts'
import { createVouchedHeaders } from '../fronts/vouched-headers.ts'
import type { KubeTokens } from '../grants/kube-tokens.ts'
import { claimsOf, createForeignTokens } from '../identity/foreign-tokens.ts'
import { isCertificate, requireCertificate } from '../identity/proof/bound-certificate.ts'
import { proofAlgorithms } from '../identity/proof/dpop.ts'
import { verifyOwnSignature } from '../identity/token/own-signature.ts'
import { ownType } from '../identity/token/own-type.ts'
import { TokenRefused } from '../identity/token/refusal.ts'
import { verifySigned } from '../identity/token/verify-token.ts'
import { createRateLimit } from '../login/rate-limit.ts'
import { createRandomTexts } from '../random-texts.ts'
import { type ExchangedToken, ownIssuer } from '../sessions/exchanged-tokens.ts'
import type { DecidedQuestion } from '../verify.ts'

import { composeLogins, composeStanding } from './clusters/grants.ts'
import { composeVerify } from './clusters/kubernetes.ts'
import { takesLogins } from './configured.ts'
import { type Base, canonicalOptions, type Kept, newRequestId, type Policy } from './kept.ts'
import type { Login } from './login.ts'
import type { Machines } from './machines.ts'
import { composeOwnIssuer, composeProofs, composeTokenCertificates } from './own-issuer.ts'

/** Label of metrics and audit events. */
export const exchangeFront = 'token-exchange'

const newTokenId = createRandomTexts(16, 'base64url')

interface ExchangeParts {
  readonly kept: Kept
  /** The primary counts how often a client asks. */
  readonly isWorker: boolean
  readonly machines: Machines
  readonly login: Login
  /** Of command lines; absent where none can be logged in. */
  readonly kubeTokens: KubeTokens | undefined
  readonly policy: Policy
  readonly record: (decided: DecidedQuestion) => void
}

export function composeExchange(base: Base, parts: ExchangeParts) {
  const { config, audit, clock, logger } = base
  const { exchange } = config.machines ?? {}
  if (exchange === undefined) return []
  return [
    createExchangeRouter({
      publicUrl: config.server.url,
      lifetimeSeconds: exchange.lifetimeSeconds,
      proofAlgorithms,
      ...composeTokens(base, parts),
      ...composeLogins(base, { ...parts, tokens: parts.kubeTokens }),
      ...composeRules(base, parts),
      ...composeConnections(base),
      audit,
      clock,
      newRequestId,
      limits: composeLimits(config, parts.isWorker),
      onError: (error, requestId) => logger.error({ requestId, err: error }, 'a token could not be exchanged'),
    }),
  ]
}

function composeLimits({ login: { requestsPerMinute } }: Base['config'], isWorker: boolean) {
  const limit = (name: string) => createRateLimit(requestsPerMinute, isWorker, name)
  return { token: limit('token'), revoke: limit('token-revoke'), introspect: limit('token-introspect') }
}

/** Threat: whoever writes the header pretends to have a certificate. Of a peer that is no trusted proxy none is known. */
function composeConnections(base: Base): ExchangeConnections {
  const certificateIn = composeTokenCertificates(base)
  if (certificateIn === undefined) return { isCertificate }
  const headersOf = createVouchedHeaders(base.trustedProxies)
  return { isCertificate, certificateIn: sent => certificateIn(headersOf(sent)) }
}

function composeTokens(base: Base, { kept, login, machines }: ExchangeParts): ExchangeTokens {
  const { clock } = base
  const own = composeOwnIssuer(base, kept)
  const proofs = composeProofs(base, kept)
  const standing = takesLogins(base.config) ? composeStanding(base, kept, login) : undefined
  const verifyForeign = createForeignTokens(machines.issuers, clock)
  return {
    verify: (token, presented) =>
      orRefusal(async () => {
        const bearer = await verifyForeign(token)
        if (bearer.certificate !== undefined) requireCertificate(bearer.certificate, presented)
        return bearer
      }),
    openOwn: token =>
      orRefusal(async () => {
        // For whatever host: the audience is the one that it says, and the signature vouches for that.
        const { aud } = claimsOf(token)
        if (typeof aud !== 'string') throw new TokenRefused('audience')
        const { read } = await verifySigned(token, { issuers: [own], audience: aud }, clock.now())
        const id = String(read.claims.jti)
        const opened = await kept.exchanged.open(id)
        if (opened === undefined || opened.token.host !== aud) throw new TokenRefused('revoked')
        return { id, token: await withLogin(opened.token, standing) }
      }),
    signedByUs: token => orRefusal(() => verifyOwnSignature(token, own)),
    verifyProof: question => orRefusal(() => proofs.verify(question)),
    isOurs: token => claimsOf(token).iss === own.issuer,
    kept: kept.exchanged,
    sign: claims => signJwt(kept.keys.current(), claims, ownType),
    newId: newTokenId,
  }
}

/**
 * Threat: what was made from a login that has ended, or whose person has lost a group since, or where people may have none any
 * more (`standing` is absent). Rejects with `TokenRefused`.
 */
async function withLogin(
  token: ExchangedToken,
  standing: ReturnType<typeof composeStanding> | undefined,
): Promise<ExchangedToken> {
  if (token.sessionId === undefined) return token
  if (standing === undefined) throw new TokenRefused('logins')
  const login = await standing(token.sessionId, 'program')
  if (login?.identity.subject !== token.identity.subject) throw new TokenRefused('session')
  return { ...token, identity: login.identity }
}

async function orRefusal<T>(work: () => Promise<T>): Promise<T | NotKnown> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TokenRefused) return { refusal: error.message }
    throw error
  }
}

function composeRules(base: Base, parts: ExchangeParts): Omit<ExchangeRules, 'lifetimeSeconds' | 'proofAlgorithms'> {
  const { config, hostSettings, logger } = base
  const { policy } = parts
  const onError = (error: unknown): void => logger.error({ err: error }, 'policy evaluation failed')
  const decide = (situation: Situation): Decision => decideNow(situation, policy.current(), onError)
  const verify = composeVerify(base, parts, decide)
  const headersOf = createVouchedHeaders(base.trustedProxies)
  return {
    async decide({ host, action, requestId, clientAddress, ...sent }: AskingForHost, { identity, credential, actors }) {
      const resource = `/${host}`
      const { decision } = await verify(
        {
          front: exchangeFront,
          requestId,
          clientAddress,
          request: { domain: tokensDomain, resource, action, url: `${tokensDomain}${resource}` },
          cookie: '',
          headers: headersOf(sent),
          isInteractive: false,
          isUpgrade: false,
        },
        { identity, credential, actors, clearCookie: false },
      )
      return decision
    },
    hostIn: createHostReader(canonicalOptions(config)),
    isCluster: name => config.kubernetes?.clusters.some(cluster => cluster.name === name) === true,
    takesOwn: host => hostSettings(host).bearerFrom?.includes(ownIssuer) === true,
    scopes: { parse: parseScope, isWithin },
    nameOf: (identity: Machine | User) => subjectName(identity),
  }
}

/** A host, or its origin: what stands behind that would be promised and not kept. */
function createHostReader(options: ReturnType<typeof canonicalOptions>): (name: string) => string | undefined {
  return name => {
    try {
      if (!name.includes('://')) return canonicaliseHost(name, options.allowUnderscore)
      const { domain, resource, url } = canonicaliseUrl('GET', name.endsWith('/') ? name : `${name}/`, options)
      return resource === '/' && url === `${originOf(url)}/` ? domain : undefined
    } catch {
      return undefined
    }
  }
}
