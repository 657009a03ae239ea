/**
 * The token endpoints of the auth host, for programs alone.
 *
 * Express 5 hands every rejection to the error handler at the end, so no route answers for its own failures.
 */
import { Router } from 'express'
import { plainForm } from '../plain-form.ts'
import { answerFailures, prepareArrival } from '../program-endpoint.ts'
import { answerRefusals, onlyPrograms } from './arrival.ts'
import { type ExchangeDependencies, tokenPath } from './dependencies.ts'
import { createIntrospectRoute } from './introspect.ts'
import { createMetadataRoute, metadataPath } from './metadata.ts'
import { createRevokeRoute } from './revoke.ts'
import { createTokenRoute } from './token.ts'

/** Two tokens of 8 KiB, escaped, and the rest. */
const longestBody = '40kb'

export function createExchangeRouter(dependencies: ExchangeDependencies): Router {
  const router = Router({ caseSensitive: true, strict: true })
  const below = Router({ caseSensitive: true, strict: true })
  const form = plainForm(longestBody)
  const { limits, newRequestId, onError } = dependencies
  below.use(prepareArrival(newRequestId))
  below.post('/', limits.token, onlyPrograms, form, createTokenRoute(dependencies))
  below.post('/revoke', limits.revoke, onlyPrograms, form, createRevokeRoute(dependencies))
  below.post('/introspect', limits.introspect, onlyPrograms, form, createIntrospectRoute(dependencies))
  below.use(answerRefusals(dependencies), answerFailures(onError))
  router.get(metadataPath, createMetadataRoute(dependencies))
  router.use(tokenPath, below)
  return router
}
