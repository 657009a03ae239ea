/**
 * Addresses that are too long for the answer of a check, on their way to the login and back from it.
 *
 * Threat: every request without a session could be a write to the store. Only navigations to addresses of more than 2,000
 * characters are, so many in a minute for each client and in all, and the store bounds what it keeps of them. Beyond that,
 * and when the store does not answer, a login leads back to the first page of the host.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { networksOf } from '../client-networks.ts'
import type { Clock } from '../clock.ts'
import type { BoundedStore } from './records/bounded-records.ts'

export interface KeptAddresses {
  /**
   * Its name, at once: no check waits for the store. `undefined` when too many were kept within the minute. `client` is the
   * client's address.
   */
  keep(url: string, client: string | undefined): string | undefined
  /** `undefined` when it is unknown or has gone. A browser may come before the store has it: it is looked for again. */
  find(name: string): Promise<string | undefined>
}

export interface KeptAddressesOptions {
  readonly store: BoundedStore<string>
  readonly clock: Clock
  readonly onFailure: (error: unknown) => void
}

const keptSeconds = 24 * 3600
const mostTries = 20
const pauseMs = 25
const perClientAndMinute = 30
const inAllAndMinute = 600

export function createKeptAddresses({ store, clock, onFailure }: KeptAddressesOptions): KeptAddresses {
  let minute = 0
  let inAll = 0
  const perClient = new Map<string, number>()

  function isWithinBounds(client: string): boolean {
    const now = Math.floor(clock.now() / 60_000)
    if (now !== minute) {
      minute = now
      inAll = 0
      perClient.clear()
    }
    const count = perClient.get(client) ?? 0
    if (inAll >= inAllAndMinute || count >= perClientAndMinute) return false
    inAll += 1
    perClient.set(client, count + 1)
    return true
  }

  return {
    keep(url, address) {
      const client = networksOf(address)
      if (!isWithinBounds(client.address)) return undefined
      const name = randomBytes(32).toString('base64url')
      store.put(name, url, keptSeconds, client).catch(onFailure)
      return name
    },
    async find(name) {
      for (let tries = 1; tries < mostTries; tries += 1) {
        const found = await store.get(name)
        if (found !== undefined) return found
        await pause(pauseMs)
      }
      return store.get(name)
    },
  }
}
