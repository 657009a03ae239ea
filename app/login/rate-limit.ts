/**
 * How often one client may ask for the login pages. Each attempt is a record in the store and a call to the provider,
 * and both would be somebody else's to fill.
 */
import type { RequestHandler } from 'express'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { OperationalError } from '../errors.ts'

/** Counted per process; a person needs two requests for a login, an office behind one address some hundreds. */
export function createRateLimit(requestsPerMinute: number): RequestHandler {
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: 60 })
  return (request, response, next) => {
    limiter.consume(clientKey(request.ip ?? '')).then(
      () => next(),
      () => {
        response.set('Retry-After', '60')
        next(new OperationalError('ERR_TOO_MANY_REQUESTS', 'too many requests for the login pages from one client'))
      },
    )
  }
}

/** A client with IPv6 has at least a whole /64 to choose addresses from (RFC 6177). */
function clientKey(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter(group => group !== '')
  const zeros = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(group => group !== '').length
  return [...groups, ...Array<string>(zeros).fill('0'), ...(tail ?? '').split(':')].slice(0, 4).join(':')
}
