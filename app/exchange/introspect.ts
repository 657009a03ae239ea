/**
 * `POST /token/introspect` (RFC 7662): what a token of ours is worth now.
 *
 * Threat: a stranger who tries out tokens, or learns from one whose it is. Whoever asks comes with a token of an issuer that
 * we believe, and a row of the domain `tokens` lets them ask about tokens for that very host (`introspect`). About every
 * other token they are told what they would be told of garbage (section 2.2).
 */
import type { RequestHandler } from 'express'
import { auditFields, type Exchange } from '../program-endpoint.ts'
import { sentHeaders } from './arrival.ts'
import { certificateOf } from './certificate.ts'
import { type ExchangeDependencies, exchangeIssuerOf, type KnownBearer, type OwnToken } from './dependencies.ts'
import { ExchangeError, type Parameters, required, tokenForm } from './parameters.ts'

const inactive = { active: false } as const

/** The body has been parsed as a form. */
export function createIntrospectRoute(dependencies: ExchangeDependencies): RequestHandler {
  const { decide, isOurs, openOwn } = dependencies
  return async (request, response) => {
    const exchange = { request, response }
    const caller = await callerOf(exchange, dependencies)
    const text = required((request.body ?? {}) as Parameters, 'token', tokenForm)
    const found = isOurs(text) ? await openOwn(text) : undefined
    if (found === undefined || 'refusal' in found) return response.json(inactive)
    const { requestId, clientAddress } = auditFields(exchange)
    const asking = { host: found.token.host, action: 'introspect', requestId, clientAddress } as const
    const { effect } = await decide({ ...asking, ...sentHeaders(request) }, caller)
    return response.json(effect === 'allow' ? describe(found, dependencies) : inactive)
  }
}

/** Rejects with `ExchangeError`. */
async function callerOf({ request }: Exchange, dependencies: ExchangeDependencies): Promise<KnownBearer> {
  const [, token] = /^Bearer +([\x21-\x7e]{1,8192})$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw new ExchangeError('invalid_client', 'say who asks: Authorization: Bearer')
  const known = await dependencies.verify(token, certificateOf(request, dependencies))
  if ('refusal' in known) throw new ExchangeError('invalid_client', known.refusal, 'subject-token')
  return known
}

function describe({ id, token }: OwnToken, { nameOf, publicUrl }: ExchangeDependencies) {
  const { identity, host, scope, act, confirmation, expiresAt } = token
  return {
    active: true,
    iss: exchangeIssuerOf(publicUrl),
    aud: host,
    sub: identity.subject,
    username: nameOf(identity),
    jti: id,
    exp: expiresAt,
    token_type: confirmation?.jkt === undefined ? 'Bearer' : 'DPoP',
    ...(confirmation !== undefined && { cnf: confirmation }),
    ...(scope !== undefined && { scope }),
    ...(act !== undefined && { act }),
  }
}
