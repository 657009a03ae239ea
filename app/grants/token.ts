/**
 * `/kube/token` (RFC 6749 section 3.2): codes and refresh tokens become a refresh token and an access token.
 *
 * Every answer asks the login session first. One that has ended, wherever and by whomever, gives nothing, and the grant
 * ends with it: what a machine keeps is never worth more than the session.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { GrantEnd, GrantRefusal, GrantWay } from '../audit/event.ts'
import { peerOf } from '../peer.ts'
import { auditFields, type Exchange } from '../program-endpoint.ts'
import type { Grant } from '../sessions/grants/refresh-grants.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import { type DirectAccess, type GrantDependencies, issuerOf, useOf } from './dependencies.ts'
import type { NamesInToken } from './kube-tokens.ts'
import {
  GrantError,
  optional,
  type Parameters,
  requireClient,
  required,
  token,
  verifier,
  visible,
} from './parameters.ts'
import { createPollPace } from './poll-pace.ts'

export const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code'

/** What the person at the command line is to do; programs look at the code alone. */
export const endedAdvice = 'your session has ended: run sallyport kube login'

/** What is to become of an access token: whose it is, and for which audience. */
interface Wanted {
  readonly sessionId: string
  readonly login: LoginSession
  readonly audience: Audience
  /** Where the cluster believes the token. */
  readonly names: NamesInToken | undefined
}

interface Audience {
  /** The cluster's name, or `account`. */
  readonly name: string
  readonly address: string
  readonly userClaim: string
  readonly direct?: DirectAccess
}

/** The body has been parsed as a form. */
export function createTokenRoute(dependencies: GrantDependencies): RequestHandler {
  const isTooSoon = createPollPace(dependencies.clock)
  return async (request, response) => {
    const exchange = { request, response }
    const body = (request.body ?? {}) as Parameters
    requireClient(body)
    const audience = audienceIn(body, exchange, dependencies)
    switch (required(body, 'grant_type', visible(100))) {
      case 'authorization_code':
        return redeemCode(body, audience, exchange, dependencies)
      case deviceGrantType: {
        const deviceCode = required(body, 'device_code', token)
        if (isTooSoon(deviceCode)) throw new GrantError('slow_down', 'asked too soon; wait five seconds longer')
        return redeemDevice(deviceCode, audience, exchange, dependencies)
      }
      case 'refresh_token':
        return refresh(body, audience, exchange, dependencies)
      default:
        throw new GrantError('unsupported_grant_type', 'this kind of grant is not given here')
    }
  }
}

function audienceIn(body: Parameters, exchange: Exchange, dependencies: GrantDependencies): Audience {
  const { clusters, publicUrl } = dependencies
  const name = optional(body, 'audience', /^[a-z0-9-]{1,40}$/)
  // For what is asked about the login itself: no cluster takes it.
  if (name === undefined) return { name: 'account', address: issuerOf(publicUrl), userClaim: 'email' }
  const cluster = clusters.find(known => known.name === name)
  if (cluster !== undefined) {
    const { audience: address, userClaim, direct } = cluster
    return { name, address, userClaim, ...(direct !== undefined && { direct }) }
  }
  return refuse(exchange, dependencies, 'audience', new GrantError('invalid_target', `there is no cluster ${name}`))
}

async function redeemCode(body: Parameters, audience: Audience, exchange: Exchange, dependencies: GrantDependencies) {
  const code = required(body, 'code', token)
  const redirectUri = required(body, 'redirect_uri', visible(200))
  const proof = required(body, 'code_verifier', verifier)
  // Taken before anything is compared: whoever guesses at the rest has one try.
  const kept = await dependencies.codes.take(code)
  if (kept === undefined) {
    return refuse(exchange, dependencies, 'code', new GrantError('invalid_grant', 'the code was used or has expired'))
  }
  // Threat: another program of the machine took the code from the address; only the one that began has the verifier.
  const isProven = isSame(createHash('sha256').update(proof).digest('base64url'), kept.challenge)
  if (!isProven || redirectUri !== kept.redirectUri) {
    const error = new GrantError('invalid_grant', 'the code is not for this program')
    return refuse(exchange, dependencies, 'verifier', error)
  }
  return begin({ sessionId: kept.sessionId, way: 'browser' }, audience, exchange, dependencies)
}

async function redeemDevice(
  deviceCode: string,
  audience: Audience,
  exchange: Exchange,
  dependencies: GrantDependencies,
) {
  const answer = await dependencies.devices.poll(deviceCode)
  if (answer === 'pending') throw new GrantError('authorization_pending', 'nobody has answered yet')
  if (answer === 'expired')
    throw new GrantError('expired_token', 'the code has expired: run sallyport kube login again')
  if ('isDenied' in answer) throw new GrantError('access_denied', 'it was denied in the browser')
  return begin({ sessionId: answer.sessionId, way: 'device' }, audience, exchange, dependencies)
}

async function begin(
  { sessionId, way }: { readonly sessionId: string; readonly way: GrantWay },
  audience: Audience,
  exchange: Exchange,
  dependencies: GrantDependencies,
) {
  const { audit, digest, endOf, grants, standing } = dependencies
  const login = await standing(sessionId, 'person')
  if (login === undefined) {
    return refuse(exchange, dependencies, 'session-ended', new GrantError('invalid_grant', endedAdvice))
  }
  const names = await namesFor({ sessionId, login, audience }, exchange, dependencies)
  const { grant, token: refreshToken } = await grants.begin({ sessionId, way, endsAt: endOf(login) * 1000 })
  const { subject, email } = login.identity
  const fields = { ...auditFields(exchange), subject, email, session: digest(sessionId) }
  audit.write({ event: 'grant.issued', ...fields, grant: grant.handle, way })
  await answer({ sessionId, login, audience, names }, { grant, refreshToken }, exchange, dependencies)
}

/**
 * Threat: a cluster that trusts our tokens lets in whoever has one, and nobody asks the policy again for its minutes. So it is
 * asked for each one, before anything of the grant changes: the machine keeps what it has for its other clusters.
 */
async function namesFor(
  { sessionId, login, audience: { direct } }: Omit<Wanted, 'names'>,
  exchange: Exchange,
  dependencies: GrantDependencies,
): Promise<NamesInToken | undefined> {
  if (direct === undefined) return undefined
  const { requestId, clientAddress } = auditFields(exchange)
  const { rawHeaders, socket } = exchange.request
  const sent = { rawHeaders, peerAddress: peerOf(socket) }
  const sessionDigest = dependencies.digest(sessionId)
  const admission = await direct.admit({ login, sessionDigest, requestId, clientAddress, ...sent })
  if ('names' in admission) return admission.names
  return refuse(exchange, dependencies, admission.reason, new GrantError('access_denied', admission.sentence))
}

async function refresh(body: Parameters, audience: Audience, exchange: Exchange, dependencies: GrantDependencies) {
  const { grants, standing } = dependencies
  const presented = required(body, 'refresh_token', visible(200))
  const opened = await grants.open(presented)
  if (opened === undefined) {
    return refuse(exchange, dependencies, 'refresh-token', new GrantError('invalid_grant', endedAdvice))
  }
  const { grant } = opened
  if (opened.isReused) {
    recordEnd(grant, 'reused', exchange, dependencies)
    const advice = 'this login was used from two places and has been ended: run sallyport kube login'
    throw new GrantError('invalid_grant', advice)
  }
  // Before anything is written: while the provider is asked and does not answer, the token stays what it is.
  const login = await standing(grant.sessionId, useOf(audience.address, dependencies))
  if (login === undefined) {
    await grants.end(presented)
    recordEnd(grant, 'session-ended', exchange, dependencies)
    throw new GrantError('invalid_grant', endedAdvice)
  }
  const names = await namesFor({ sessionId: grant.sessionId, login, audience }, exchange, dependencies)
  const refreshToken = await opened.rotate()
  if (refreshToken === undefined) throw new GrantError('invalid_grant', endedAdvice)
  await answer({ sessionId: grant.sessionId, login, audience, names }, { grant, refreshToken }, exchange, dependencies)
}

async function answer(
  { sessionId, login, audience, names }: Wanted,
  { grant, refreshToken }: { readonly grant: Grant; readonly refreshToken: string },
  exchange: Exchange,
  { audit, clock, digest, endOf, tokens, visited }: GrantDependencies,
): Promise<void> {
  const sessionEndsAt = endOf(login)
  const now = Math.floor(clock.now() / 1000)
  const { address, userClaim, name } = audience
  const { token: accessToken, expiresAt } = tokens.issue({
    sessionId,
    login,
    audience: address,
    userClaim,
    sessionEndsAt,
    ...(names !== undefined && { names }),
  })
  await visited(sessionId, name === 'account' ? 'kubectl' : `kube:${name}`)
  const { subject, email } = login.identity
  const fields = { ...auditFields(exchange), subject, email, session: digest(sessionId) }
  audit.write({ event: 'token.issued', ...fields, grant: grant.handle, audience: name })
  exchange.response.json({
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresAt - now,
    refresh_token: refreshToken,
    session_expires_in: Math.max(Math.floor(sessionEndsAt) - now, 0),
  })
}

/** `kube logout` (RFC 7009): the grant ends. What is no token of ours is answered alike. */
export function createRevokeRoute(dependencies: GrantDependencies): RequestHandler {
  return async (request, response) => {
    const exchange = { request, response }
    const body = (request.body ?? {}) as Parameters
    requireClient(body)
    const grant = await dependencies.grants.end(required(body, 'token', visible(16_000)))
    if (grant !== undefined) recordEnd(grant, 'logout', exchange, dependencies)
    response.json({})
  }
}

function recordEnd(grant: Grant, cause: GrantEnd, exchange: Exchange, { audit, digest }: GrantDependencies): void {
  const fields = { ...auditFields(exchange), session: digest(grant.sessionId) }
  audit.write({ event: 'grant.ended', ...fields, grant: grant.handle, cause })
}

function refuse(
  exchange: Exchange,
  { audit }: Pick<GrantDependencies, 'audit'>,
  reason: GrantRefusal,
  error: GrantError,
): never {
  audit.write({ event: 'grant.refused', ...auditFields(exchange), reason })
  throw error
}

/** In constant time for digests of equal length. */
function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
