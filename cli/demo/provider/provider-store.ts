/** Storage of the demo's identity provider: in memory, bounded, gone when the demo ends. */
import { LRUCache } from 'lru-cache'
import type { Adapter, AdapterPayload } from 'oidc-provider'

const MAX_RECORDS = 5_000

/** One store per provider; the constructor that it returns is called once per model (`Session`, `Grant`, ...). */
export function createProviderStore(): (model: string) => Adapter {
  const records = new LRUCache<string, AdapterPayload>({ max: MAX_RECORDS })
  return model => createAdapter(model, records)
}

function createAdapter(model: string, records: LRUCache<string, AdapterPayload>): Adapter {
  const keyOf = (id: string): string => `${model}:${id}`
  const findBy = (matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined => {
    for (const [key, payload] of records.entries()) {
      if (key.startsWith(`${model}:`) && matches(payload)) return payload
    }
    return undefined
  }
  return {
    async upsert(id, payload, expiresIn) {
      records.set(keyOf(id), payload, expiresIn !== undefined && expiresIn > 0 ? { ttl: expiresIn * 1000 } : {})
    },
    async find(id) {
      return records.get(keyOf(id))
    },
    async findByUserCode(userCode) {
      return findBy(payload => payload.userCode === userCode)
    },
    async findByUid(uid) {
      return findBy(payload => payload.uid === uid)
    },
    async consume(id) {
      const payload = records.get(keyOf(id))
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
    },
    async destroy(id) {
      records.delete(keyOf(id))
    },
    async revokeByGrantId(grantId) {
      for (const [key, payload] of [...records.entries()]) {
        if (key.startsWith(`${model}:`) && payload.grantId === grantId) records.delete(key)
      }
    },
  }
}
