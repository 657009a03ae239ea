/**
 * How often passwords may fail. Only what fails is counted, so that one name whose passwords work is never kept out by its
 * own use. Counted in this process, or with `isShared` in the primary of several workers (as for the login pages).
 */
import { RateLimiterCluster, RateLimiterMemory } from 'rate-limiter-flexible'
import type { FailureLimit } from './verify-password.ts'

/** `what` stands for what is counted together. A worker that gets no answer from the primary refuses. */
export function createFailureLimit(failuresPerMinute: number, isShared: boolean, what: string): FailureLimit {
  const options = { points: failuresPerMinute, duration: 60 }
  const keyPrefix = `${what}-${failuresPerMinute}`
  const limiter = isShared ? new RateLimiterCluster({ ...options, keyPrefix }) : new RateLimiterMemory(options)
  return {
    async isOver(name) {
      const known = await limiter.get(name)
      return known !== null && known.consumedPoints >= failuresPerMinute
    },
    async note(name) {
      await limiter.penalty(name)
    },
  }
}
