/**
 * `POST /token` (RFC 8693): a token that we believe becomes one of ours, for one host and for some minutes.
 *
 * The new one is never worth more: it is as old as the first at most, no wider than the one before, and whom it stands for is
 * the same. The token is looked at before anything is said of hosts and rows, so that a stranger learns nothing of them.
 */
import type { Request, RequestHandler } from 'express'
import type { ExchangeConfirmation } from '../audit/event.ts'
import { auditFields, type Exchange } from '../program-endpoint.ts'
import type { Confirmation } from '../sessions/exchanged-tokens.ts'
import { sentHeaders } from './arrival.ts'
import { certificateFor, certificateOf, thumbprintMember } from './certificate.ts'
import { checkForCluster, clusterIn, isClusterTarget } from './cluster-target.ts'
import { type ExchangeDependencies, exchangeIssuerOf } from './dependencies.ts'
import { accessTokenType, ExchangeError, type ExchangeRequest, type Parameters, parseExchange } from './parameters.ts'
import { describePolicyRefusal } from './policy-refusal.ts'
import { proofFor, takeProof } from './proof.ts'
import { type Actor, actingIn, actorOf, actWith, type Subject, subjectOf } from './subject.ts'

/** The body has been parsed as a form. */
export function createTokenRoute(dependencies: ExchangeDependencies): RequestHandler {
  return async (request, response) => {
    const exchange = { request, response }
    refuseClientCredentials(request)
    const asked = parseExchange((request.body ?? {}) as Parameters)
    const presented = certificateOf(request, dependencies)
    const subject = await subjectOf({ token: asked.subjectToken, certificate: presented }, dependencies)
    const actor = await actorOf({ ...asked, certificate: presented }, subject, dependencies)
    const bindings = { subject: subject.confirmation, actor: actor?.certificate }
    const certificate = certificateFor(asked, bindings, presented)
    const proof = await proofFor(request, subject, dependencies)
    const host = hostFor(asked, dependencies)
    const isBound = proof !== undefined || certificate !== undefined
    if (isClusterTarget(host)) checkForCluster({ asked, subject, actor, isBound })
    refuseOtherHost(subject, actor, host)
    const scope = scopeFor(asked, subject, dependencies)
    await askPolicy({ host, subject, actor }, exchange, dependencies)
    await takeProof(proof)
    await answer({ host, scope, subject, actor, ...confirmationOf(proof?.jkt, certificate) }, exchange, dependencies)
  }
}

/** Clients are known by their tokens alone (`token_endpoint_auth_methods_supported: none`). */
function refuseClientCredentials({ headers, body }: Request): void {
  const { client_secret: secret, client_assertion: assertion } = (body ?? {}) as Parameters
  if (headers.authorization === undefined && secret === undefined && assertion === undefined) return
  throw new ExchangeError('invalid_client', 'no credentials of a client are taken here: subject_token says who asks')
}

function hostFor(asked: ExchangeRequest, dependencies: ExchangeDependencies): string {
  const { target } = asked
  if (isClusterTarget(target)) return clusterIn(asked, dependencies)
  const { hostIn, takesOwn } = dependencies
  const host = hostIn(target)
  if (host !== undefined && takesOwn(host)) return host
  throw new ExchangeError('invalid_target', 'there is no such host that takes tokens of sallyport', 'target')
}

function refuseOtherHost(subject: Subject, actor: Actor | undefined, host: string): void {
  if (subject.host === undefined || subject.host === host || actor !== undefined) return
  const description = 'the token is for another host: whoever is to use it here sends an actor_token'
  throw new ExchangeError('invalid_target', description, 'actor-token')
}

function scopeFor({ scope }: ExchangeRequest, subject: Subject, { scopes }: ExchangeDependencies): string | undefined {
  if (scope === undefined) return subject.scope
  const parsed = parseScope(scope, scopes.parse)
  if (scopes.isWithin(parsed, subject.scope)) return parsed
  throw new ExchangeError('invalid_scope', `the token is for ${subject.scope ?? 'less'} alone`, 'scope')
}

function parseScope(text: string, parse: ExchangeDependencies['scopes']['parse']): string {
  try {
    return parse(text)
  } catch (error) {
    throw new ExchangeError('invalid_scope', error instanceof Error ? error.message : 'it cannot be read', 'scope')
  }
}

interface Wanted {
  readonly host: string
  readonly subject: Subject
  readonly actor: Actor | undefined
}

/** Of the subject and of whoever acts: neither of the two gets by way of the other what a row does not give. */
async function askPolicy(
  { host, subject, actor }: Wanted,
  exchange: Exchange,
  { decide }: ExchangeDependencies,
): Promise<void> {
  const { requestId, clientAddress } = auditFields(exchange)
  const asking = { host, action: 'create', requestId, clientAddress, ...sentHeaders(exchange.request) } as const
  // A row that denies it to somebody who acted before denies it to the subject.
  const first = { ...subject, actors: subject.actorIdentities }
  for (const bearer of actor === undefined ? [first] : [first, actor]) {
    const decision = await decide(asking, bearer)
    if (decision.effect === 'allow') continue
    const role = bearer === actor ? 'the actor' : 'the subject'
    const isOfLogin = bearer === first && subject.sessionId !== undefined
    const sentence = describePolicyRefusal(decision, { role, isOfLogin })
    throw new ExchangeError('invalid_target', sentence, 'policy')
  }
}

interface Granted extends Wanted {
  readonly scope: string | undefined
  /** What it is bound to. */
  readonly confirmation?: Confirmation
}

function confirmationOf(jkt: string | undefined, certificate: string | undefined): Pick<Granted, 'confirmation'> {
  if (jkt === undefined && certificate === undefined) return {}
  const byKey = jkt !== undefined && { jkt }
  const byCertificate = certificate !== undefined && { [thumbprintMember]: certificate }
  return { confirmation: { ...byKey, ...byCertificate } }
}

async function answer(
  { host, scope, subject, actor, confirmation }: Granted,
  exchange: Exchange,
  dependencies: ExchangeDependencies,
): Promise<void> {
  const { audit, clock, digest, kept, lifetimeSeconds, newId, publicUrl, sign, visited } = dependencies
  const now = Math.floor(clock.now() / 1000)
  const expiresAt = Math.min(now + lifetimeSeconds, Math.floor(subject.expiresAt))
  if (expiresAt <= now)
    throw new ExchangeError('invalid_request', 'subject_token: the token has expired', 'subject-token')
  const id = newId()
  const act = actWith(actor, subject)
  const { identity, mayAct, sessionId } = subject
  const shared = { ...(scope !== undefined && { scope }), ...(act !== undefined && { act }) }
  const token = sign({
    iss: exchangeIssuerOf(publicUrl),
    aud: host,
    sub: identity.subject,
    jti: id,
    iat: now,
    exp: expiresAt,
    ...shared,
    ...(mayAct !== undefined && { may_act: mayAct }),
    ...(confirmation !== undefined && { cnf: confirmation }),
  })
  await kept.keep(id, {
    identity,
    host,
    chain: subject.chain,
    ...actingIn(actor, subject),
    expiresAt,
    ...shared,
    ...(mayAct !== undefined && { mayAct }),
    ...(confirmation !== undefined && { confirmation }),
    ...(sessionId !== undefined && { sessionId }),
  })
  if (sessionId !== undefined) await visited(sessionId, host)
  audit.write({
    event: 'exchange.issued',
    ...auditFields(exchange),
    subject: identity.subject,
    ...(identity.kind === 'user' && { email: identity.email }),
    ...(sessionId !== undefined && { session: digest(sessionId) }),
    jti: id,
    host,
    scope,
    expiresAt,
    ...subject.credential,
    actor: actor?.name,
    confirmation: writtenConfirmation(confirmation),
  })
  exchange.response.json({
    access_token: token,
    issued_token_type: accessTokenType,
    token_type: confirmation?.jkt === undefined ? 'Bearer' : 'DPoP',
    expires_in: expiresAt - now,
    ...(scope !== undefined && { scope }),
    // Whoever asked to have it bound sees that it is (RFC 9201 section 3.2 has the name).
    ...(confirmation !== undefined && { cnf: confirmation }),
  })
}

function writtenConfirmation(confirmation: Confirmation | undefined): ExchangeConfirmation | undefined {
  if (confirmation === undefined) return undefined
  const { jkt, [thumbprintMember]: certificate } = confirmation
  if (certificate === undefined) return 'dpop'
  return jkt === undefined ? 'certificate' : 'dpop-and-certificate'
}
