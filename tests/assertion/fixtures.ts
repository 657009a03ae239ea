/** People, a clock that is moved by hand, and a shared store in memory that can be down or hold what nobody can read. */
import type { StoredKey } from '../../app/assertion/signing-keys.ts'
import { OperationalError } from '../../app/errors.ts'
import type { SharedStore } from '../../app/sessions/records/sealed-records.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'

export const issuer = 'https://idp.example'

export const alice: User = {
  kind: 'user',
  subject: `${issuer}#alice`,
  provider: 'corp',
  groups: ['ops', 'wiki-editors'],
  email: 'alice@example.com',
  name: 'Alice Archer',
  authTime: 1_700_000_000,
  amr: ['pwd', 'otp'],
  acr: 'urn:example:gold',
  claims: { department: 'sales' },
}

export const carol: User = { kind: 'user', subject: `${issuer}#carol`, provider: 'corp', groups: [], claims: {} }

export const deployer: Machine = {
  kind: 'machine',
  subject: `${issuer}#robot`,
  provider: 'corp',
  client: 'corp/robot',
  groups: [],
  claims: {},
}

export const wiki: AccessRequest = {
  domain: 'wiki.example.com',
  resource: '/a',
  action: 'GET',
  url: 'https://wiki.example.com/a?q=1',
}

export function movableClock(startMs = 1_800_000_000_000) {
  let nowMs = startMs
  return {
    now: () => nowMs,
    advanceSeconds: (seconds: number) => {
      nowMs += seconds * 1_000
    },
  }
}

/** What replicas share. `isDown` and `seal` (keep what is there, readable by nobody) are switched by a test. */
export function sharedStore(clock: { now: () => number }) {
  const records = new Map<string, { value: StoredKey; expiresAt: number; isReadable: boolean }>()
  const state = { isDown: false, calls: 0 }
  const live = (id: string) => {
    state.calls += 1
    if (state.isDown) throw new OperationalError('ERR_STORE_UNAVAILABLE', 'down')
    const record = records.get(id)
    return record !== undefined && record.expiresAt > clock.now() ? record : undefined
  }
  const store: SharedStore<StoredKey> = {
    async add(id, value, expiresAt) {
      if (live(id) !== undefined) return false
      records.set(id, { value: structuredClone(value), expiresAt, isReadable: true })
      return true
    },
    async get(id) {
      const record = live(id)
      return record?.isReadable ? structuredClone(record.value) : undefined
    },
  }
  const makeUnreadable = () => {
    for (const record of records.values()) record.isReadable = false
  }
  return { store, state, records, makeUnreadable }
}
