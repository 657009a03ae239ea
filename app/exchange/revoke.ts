/** `POST /token/revoke` (RFC 7009): whoever has a token of ours may end it, and with it all that was made of it. */
import type { RequestHandler } from 'express'
import { auditFields } from './arrival.ts'
import type { ExchangeDependencies } from './dependencies.ts'
import { ExchangeError, type Parameters, required, tokenForm } from './parameters.ts'

/** The body has been parsed as a form. What is no token any more is answered alike (RFC 7009 section 2.2). */
export function createRevokeRoute(dependencies: ExchangeDependencies): RequestHandler {
  const { audit, isOurs, kept, openOwn } = dependencies
  return async (request, response) => {
    const text = required((request.body ?? {}) as Parameters, 'token', tokenForm)
    if (!isOurs(text)) {
      throw new ExchangeError('unsupported_token_type', 'tokens of others are revoked where they were made')
    }
    const found = await openOwn(text)
    if (!('refusal' in found)) {
      const { id, token } = found
      await kept.end(id, token.expiresAt)
      const { host, identity } = token
      const fields = auditFields({ request, response })
      audit.write({ event: 'exchange.revoked', ...fields, subject: identity.subject, jti: id, host })
    }
    response.status(200).end()
  }
}
