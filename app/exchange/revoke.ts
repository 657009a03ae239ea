/** `POST /token/revoke` (RFC 7009): whoever has a token of ours may end it, and with it all that was made of it. */
import type { RequestHandler } from 'express'
import { auditFields } from '../program-endpoint.ts'
import type { ExchangeDependencies } from './dependencies.ts'
import { ExchangeError, type Parameters, required, tokenForm } from './parameters.ts'

/**
 * The body has been parsed as a form. What was never a token of ours is answered alike (RFC 7009 section 2.2).
 *
 * Threat: a 200 for a token that goes on counting. So whatever we have signed is ended, whether it seems to be over, not to
 * have begun, or to have no record: that is what this process sees, by its clock.
 */
export function createRevokeRoute(dependencies: ExchangeDependencies): RequestHandler {
  const { audit, isOurs, kept, signedByUs } = dependencies
  return async (request, response) => {
    const text = required((request.body ?? {}) as Parameters, 'token', tokenForm)
    if (!isOurs(text)) {
      throw new ExchangeError('unsupported_token_type', 'tokens of others are revoked where they were made')
    }
    const signed = await signedByUs(text)
    if (!('refusal' in signed)) {
      const { jti, exp, aud: host, sub: subject } = signed
      await kept.end(jti, exp)
      audit.write({ event: 'exchange.revoked', ...auditFields({ request, response }), subject, jti, host })
    }
    response.status(200).end()
  }
}
