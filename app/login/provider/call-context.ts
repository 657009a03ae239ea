/**
 * What is known within one call of a provider's endpoint, all the way down to its `fetch`, which openid-client calls.
 *
 * Up to Node 22 an `AsyncLocalStorage` that was entered once has a hook run for every promise of the process, for good: a
 * check that reads Redis took a sixth longer. So it is switched off whenever nobody is in it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface CallContext<T> {
  run<R>(value: T, call: () => Promise<R>): Promise<R>
  /** `undefined` outside of every call. */
  get(): T | undefined
}

export function createCallContext<T>(): CallContext<T> {
  const storage = new AsyncLocalStorage<T>()
  let inside = 0
  return {
    run: async (value, call) => {
      inside += 1
      try {
        return await storage.run(value, call)
      } finally {
        inside -= 1
        if (inside === 0) storage.disable()
      }
    },
    get: () => storage.getStore(),
  }
}
