/** Publishes the assertion keys (RFC 7517 section 5). The one page that may be cached: it holds nothing of anybody. */
import { Router } from 'express'
import type { SigningKeys } from './signing-keys.ts'

/** Half of the shortest rotation, so that every cache has seen a key before it signs. */
const cacheSeconds = 300

export function createAssertionRoutes(keys: Pick<SigningKeys, 'jwks'>): Router {
  const router = Router()
  router.get('/.well-known/jwks.json', (_request, response) => {
    const keySet = keys.jwks()
    const hasKeys = keySet.keys.length > 0
    // An empty key set must not stay in caches after the keys are there.
    response.set('Cache-Control', hasKeys ? `public, max-age=${cacheSeconds}` : 'no-store')
    response
      .status(hasKeys ? 200 : 503)
      .type('application/jwk-set+json')
      .send(JSON.stringify(keySet))
  })
  return router
}
