/**
 * Application passwords, for clients that know nothing but HTTP Basic: made by a person, for named hosts, until a day.
 *
 * Whoever checks one reads its record each time, in whichever process: what was revoked is gone with the next check. Also
 * gone is what was made before a cut (cutoffs.ts), by the login that made it.
 */
import { hash } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { type Beginning, beginningOf, createCutoffReader, isCut } from '../cutoffs.ts'
import type { LoginSession } from '../login-session.ts'
import type { PageOptions, RecordStore } from '../record-store.ts'
import { createSealedRecords, type OpenedRecord } from '../records/sealed-records.ts'

/** What lists show: no hash. Moments are seconds since the epoch. */
export interface ListedPassword {
  /** Names it, in lists and audit events; opens nothing. */
  readonly handle: string
  readonly subject: string
  readonly provider: string
  /** The person's own name for it. */
  readonly name: string
  /** Canonical. */
  readonly hosts: readonly string[]
  readonly createdAt: number
  readonly expiresAt: number
  /** To the minute or coarser; absent: never. */
  readonly lastUsedAt?: number
  readonly lastUsedFrom?: string
}

export interface StoredPassword extends ListedPassword {
  /** See password-hash.ts. */
  readonly hash: string
}

export interface NewPassword extends Pick<ListedPassword, 'handle' | 'name' | 'hosts' | 'expiresAt'> {
  readonly hash: string
  /** From which it is made. */
  readonly login: LoginSession
}

export interface PasswordsOfPerson {
  readonly passwords: readonly ListedPassword[]
  /** There may be others: more has been kept under this person than is looked at. `revokeAll` ends these too. */
  readonly hasMore: boolean
}

/** Every method rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer. */
export interface AppPasswords {
  /** False, and nothing kept, if it was revoked meanwhile. */
  add(password: NewPassword): Promise<boolean>
  /** One that counts: neither revoked nor expired nor cut. */
  find(handle: string): Promise<StoredPassword | undefined>
  /** Of a person, `<issuer>#<sub>`: all of them, the one that expires first in front. */
  ofPerson(subject: string): Promise<PasswordsOfPerson>
  /** Of everybody, page by page; a page may be shorter than its limit and not be the last. */
  list(page: PageOptions): Promise<{ readonly passwords: readonly ListedPassword[]; readonly next?: string }>
  /** For good, and whatever is under way; `subject`: only one of this person's. `undefined` where there is none. */
  revoke(handle: string, subject?: string): Promise<ListedPassword | undefined>
  /** All of a person; each that counted. */
  revokeAll(subject: string): Promise<readonly ListedPassword[]>
  /** Notes a use, at most every ten minutes. */
  used(handle: string, clientAddress: string | undefined): Promise<void>
}

export interface AppPasswordsOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
  /** How long one counts at most, in seconds; one that was made for longer ends then. */
  readonly maxLifetimeSeconds: number
  /** How much is looked at for a list of a person, in pages of 200, also of what was left of those that ended. Default 50. */
  readonly mostPages?: number
}

/** With the beginning of the login from which it was made. */
type Kept = Omit<StoredPassword, 'handle'> & Beginning

const usesEverySeconds = 600
const pageOfPerson = 200

export function createAppPasswords(options: AppPasswordsOptions): AppPasswords {
  const { records, secrets, clock, maxLifetimeSeconds, mostPages = 50 } = options
  const passwords = createSealedRecords({ records, secrets, kind: 'password' })
  const readCut = createCutoffReader({ records, secrets })
  const nowSeconds = () => Math.floor(clock.now() / 1000)

  async function open(handle: string): Promise<{ kept: Kept; record: OpenedRecord } | undefined> {
    const [record, cut] = await Promise.all([passwords.get(handle), readCut()])
    if (record === undefined) return undefined
    const kept = keptIn(record)
    // The setting may have become shorter since.
    const expiresAt = Math.min(kept.expiresAt, kept.createdAt + maxLifetimeSeconds)
    if (expiresAt <= clock.now() / 1000 || isCut(cut, kept, kept.provider)) return undefined
    return { kept: { ...kept, expiresAt }, record }
  }

  async function listed(handle: string): Promise<ListedPassword | undefined> {
    const found = await open(handle)
    return found === undefined ? undefined : listedOf(handle, found.kept)
  }

  async function page(index: string, options: PageOptions) {
    const { members, next } = await records.page(index, options)
    const found = await Promise.all([...new Set(members)].map(listed))
    return { members, passwords: found.filter(one => one !== undefined), ...(next !== undefined && { next }) }
  }

  const indexesOf = (subject: string) => [indexOf(subject), indexOf()]
  const unlink = (subject: string, handle: string, expiresAt: number) =>
    Promise.all(indexesOf(subject).map(index => records.unlink(index, handle, expiresAt)))

  /**
   * A tombstone, also where the record is still to be written; and then out of the lists. Threat: many that were revoked, behind
   * which one that works is not seen.
   */
  async function end(handle: string): Promise<void> {
    const record = await passwords.get(handle)
    await passwords.end(handle, clock.now() + maxLifetimeSeconds * 1000)
    if (record === undefined) return
    const { subject, expiresAt } = keptIn(record)
    await unlink(subject, handle, expiresAt * 1000)
  }

  return {
    async add({ handle, login, ...rest }) {
      const { subject, provider } = login.identity
      const kept: Kept = { ...rest, subject, provider, createdAt: nowSeconds(), ...beginningOf(login) }
      const expiresAt = rest.expiresAt * 1000
      // First: whatever stands can be found.
      await Promise.all(indexesOf(subject).map(index => records.link(index, handle, expiresAt)))
      const isKept = await passwords.add(handle, kept, expiresAt)
      if (!isKept) await unlink(subject, handle, expiresAt)
      return isKept
    },
    async find(handle) {
      const found = await open(handle)
      return found === undefined ? undefined : { ...listedOf(handle, found.kept), hash: found.kept.hash }
    },
    async ofPerson(subject) {
      const found: ListedPassword[] = []
      let after: string | undefined
      for (let pages = 0; pages < mostPages; pages += 1) {
        const one = await page(indexOf(subject), { limit: pageOfPerson, ...(after !== undefined && { after }) })
        found.push(...one.passwords)
        after = one.next
        if (after === undefined) break
      }
      return { passwords: found, hasMore: after !== undefined }
    },
    async list(options) {
      const { members: _members, ...rest } = await page(indexOf(), options)
      return rest
    },
    async revoke(handle, subject) {
      const found = await listed(handle)
      if (found === undefined || (subject !== undefined && found.subject !== subject)) return undefined
      await end(handle)
      return found
    },
    async revokeAll(subject) {
      const revoked: ListedPassword[] = []
      let after: string | undefined
      do {
        const found = await page(indexOf(subject), { limit: pageOfPerson, ...(after !== undefined && { after }) })
        await Promise.all([...new Set(found.members)].map(end))
        revoked.push(...found.passwords)
        after = found.next
      } while (after !== undefined)
      return revoked
    },
    async used(handle, clientAddress) {
      const record = await passwords.get(handle)
      if (record === undefined) return
      const { lastUsedFrom: _from, ...kept } = keptIn(record)
      if (nowSeconds() - (kept.lastUsedAt ?? 0) < usesEverySeconds) return
      const lastUsedFrom = clientAddress === undefined ? {} : { lastUsedFrom: clientAddress }
      // Somebody else has noted it, or it was revoked: either will do.
      await passwords.replace(
        handle,
        record.version,
        { ...kept, lastUsedAt: nowSeconds(), ...lastUsedFrom },
        record.expiresAt,
      )
    },
  }
}

/** The seal vouches that nobody else wrote it. */
const keptIn = ({ value }: OpenedRecord): Kept => value as Kept

function listedOf(
  handle: string,
  { hash: _hash, startedAt: _at, startedAtMs: _exactly, ...rest }: Kept,
): ListedPassword {
  return { handle, ...rest }
}

/** What the index of a person, or of everybody, is called in the store. No subject holds a NUL. */
const indexOf = (subject?: string): string =>
  hash('sha256', subject === undefined ? 'passwords' : `passwords\0${subject}`, 'base64url')
