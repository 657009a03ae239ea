/**
 * How often one client may ask for the login pages. Each attempt is a record in the store and a call to the provider,
 * and both would be somebody else's to fill.
 */
import type { RequestHandler } from 'express'
import { RateLimiterCluster, RateLimiterClusterMaster, RateLimiterMemory } from 'rate-limiter-flexible'
import { networksOf } from '../client-networks.ts'
import { OperationalError } from '../errors.ts'

/** Counts a request of this client; rejects with `ERR_TOO_MANY_REQUESTS` for one that has come too often. */
export type RateLimit = (clientAddress: string | undefined) => Promise<void>

/** When a client that came too often may come again. */
const retryAfterSeconds = 60

/**
 * A person needs three requests for a login, an office behind one address some hundreds. Counted in this process, or with
 * `isShared` in the primary of several workers: each with a count of its own would let through as many times the limit,
 * and each with its share of the limit would refuse a client early whose proxy keeps to one connection. `name` stands
 * for what is counted together.
 */
export function createRateCount(requestsPerMinute: number, isShared: boolean, name: string): RateLimit {
  const options = { points: requestsPerMinute, duration: 60 }
  // The limit is in the name: the primary keeps the first limit that it hears of under a name.
  const keyPrefix = `${name}-${requestsPerMinute}`
  const limiter = isShared ? new RateLimiterCluster({ ...options, keyPrefix }) : new RateLimiterMemory(options)
  return clientAddress =>
    limiter.consume(networksOf(clientAddress).address).then(
      () => undefined,
      () => {
        throw new OperationalError('ERR_TOO_MANY_REQUESTS', `too many requests from one client (${name})`)
      },
    )
}

/** The same before a page. */
export function createRateLimit(requestsPerMinute: number, isShared: boolean, name = 'login'): RequestHandler {
  const limit = createRateCount(requestsPerMinute, isShared, name)
  return (request, response, next) => {
    limit(request.ip).then(
      () => next(),
      (error: unknown) => {
        response.set('Retry-After', String(retryAfterSeconds))
        next(error)
      },
    )
  }
}

/** For the primary: counts for all workers from now on. A worker that gets no answer refuses the request. */
export function countForWorkers(): void {
  new RateLimiterClusterMaster()
}
