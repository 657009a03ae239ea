/**
 * Who stands behind the application passwords of a person: the person, as the provider described them last, and when.
 *
 * Threat: an account that was closed at the provider, and a password that goes on for months because nothing asks about it.
 * A password asks nobody: there is no token left to ask with. So it lives on what else is heard: each login of the person
 * and each verification of one of their sessions confirms it, with the groups of that moment; when nothing has for too long,
 * or the provider has said no to a session of theirs or told of a log-out, it sleeps until something does again.
 */
import { LRUCache } from 'lru-cache'
import type { User } from '../../../rbac/identity.ts'
import { type Clock, isAhead } from '../../clock.ts'
import { beganAt } from '../cutoffs.ts'
import type { LoginSession } from '../login-session.ts'
import type { LogoutMarks } from '../logout-marks.ts'
import type { RecordStore } from '../record-store.ts'
import { createSealedRecords, type OpenedRecord } from '../records/sealed-records.ts'
import { untilWritten } from '../records/until-written.ts'
import { issuerOf } from '../session-directory.ts'
import { personClaims } from './person-claims.ts'

/** Every method rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer. */
export interface Confirmations {
  /** The person has made a password from this login: from now on they are kept, until `until` (seconds) at least. */
  begin(login: LoginSession, until: number): Promise<void>
  /** A login, or a session that its provider stood by at `at` (seconds since the epoch). Does nothing for who is not kept. */
  confirm(login: LoginSession, at: number): Promise<void>
  /** The provider has said no to a session of the person (`<issuer>#<sub>`). */
  refuse(subject: string): Promise<void>
  /** The provider has told of a log-out of the person: of one of its sessions (`sid`), or of all. */
  logOut(subject: string, providerSession?: string): Promise<void>
  /** Whom a session of a provider has confirmed (`<issuer>#<sub>`): a log-out may name nothing else. `undefined`: nobody who is kept. */
  confirmedBy(issuer: string, providerSession: string): Promise<string | undefined>
  /**
   * The person as they were confirmed, with the claims that speak of a person: nobody has logged in, with a password.
   * `undefined`: nothing confirms them now. The same frozen object as long as nothing has changed.
   */
  personOf(subject: string): Promise<User | undefined>
}

export interface ConfirmationsOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
  /** How long a confirmation counts, in seconds. */
  readonly confirmWithinSeconds: number
  readonly marks: Pick<LogoutMarks, 'isLoggedOut'>
  /** By the names of the providers in the configuration: the claims that the operator says are about the person. */
  readonly providers: ReadonlyMap<string, readonly string[]>
}

interface Kept {
  readonly login: Pick<LoginSession, 'identity' | 'startedAt' | 'providerSession'>
  /** Seconds since the epoch. */
  readonly confirmedAt: number
  /** When the provider last said no, in whole seconds since the epoch, as a login in that second comes after it; or told of a log-out. */
  readonly refusedAt?: number
}

/** Persons whose description is remembered, opened. */
const mostRemembered = 10_000
/** A session that is verified every few minutes need not be written each time. */
const writtenEverySeconds = 600

export function createConfirmations(options: ConfirmationsOptions): Confirmations {
  const { records, secrets, clock, confirmWithinSeconds, marks, providers } = options
  const persons = createSealedRecords({ records, secrets, kind: 'person' })
  const described = new LRUCache<string, { readonly version: Uint8Array; readonly person: User }>({
    max: mostRemembered,
  })

  /**
   * Threat: a log-out that names the session of the provider alone, when that session is in no list any more. It is written
   * before the person is, so that whoever finds the person finds them by it.
   */
  async function noteSession(login: Kept['login'], expiresAt: number): Promise<void> {
    const { providerSession } = login
    if (providerSession === undefined) return
    await persons.put(sessionId(issuerOf(login), providerSession), login.identity.subject, expiresAt)
  }

  /** `undefined` from `change`: nothing is to be written. */
  const change = (subject: string, next: (kept: Kept) => Kept | undefined, until = 0): Promise<boolean> =>
    untilWritten('a person', async () => {
      const record = await persons.get(subject)
      if (record === undefined) return { outcome: false }
      const changed = next(keptIn(record))
      const expiresAt = Math.max(record.expiresAt, until * 1000)
      if (changed === undefined) return { outcome: true }
      // It is kept for as long as the person, also where a password of another session has them kept for longer.
      const isNoted = changed.login === keptIn(record).login && expiresAt <= record.expiresAt
      if (!isNoted) await noteSession(changed.login, expiresAt)
      const isWritten = await persons.replace(subject, record.version, changed, expiresAt)
      return isWritten ? { outcome: true } : undefined
    })

  function describe(subject: string, { login }: Kept, { version }: OpenedRecord): User {
    const known = described.get(subject)
    if (known !== undefined && Buffer.compare(known.version, version) === 0) return known.person
    const person = withoutLogin(login.identity, providers.get(login.identity.provider) ?? [])
    described.set(subject, { version, person })
    return person
  }

  /** An answer that was waited for longer than a later one says nothing new; unless the clock was set back since that one. */
  const isNews = (at: number, { confirmedAt }: Kept): boolean => at >= confirmedAt || isAhead(confirmedAt, clock)

  const logOut: Confirmations['logOut'] = async (subject, providerSession) => {
    // With its fraction: what was confirmed in this very second may have been before it.
    const refusedAt = clock.now() / 1000
    await change(subject, known => {
      const other = known.login.providerSession
      if (providerSession !== undefined && other !== undefined && other !== providerSession) return undefined
      return { ...known, refusedAt: Math.max(refusedAt, known.refusedAt ?? 0) }
    })
  }

  return {
    async begin(login, until) {
      const kept: Kept = { login: partOf(login), confirmedAt: login.verifiedAt ?? beganAt(login) }
      const { subject } = login.identity
      const newer = (known: Kept) => (isNews(kept.confirmedAt, known) ? { ...known, ...kept } : known)
      await noteSession(kept.login, until * 1000)
      await untilWritten('a person', async () => {
        if (await persons.add(subject, kept, until * 1000)) return { outcome: true }
        return (await change(subject, newer, until)) ? { outcome: true } : undefined
      })
    },
    async confirm(login, at) {
      const { subject } = login.identity
      let isWritten = false
      await change(subject, known => {
        isWritten = false
        if (!isNews(at, known)) return undefined
        const confirmed: Kept = { ...known, login: partOf(login), confirmedAt: at }
        const isSame = JSON.stringify(known.login) === JSON.stringify(confirmed.login) && !isRefused(known)
        isWritten = !isSame || at - known.confirmedAt >= writtenEverySeconds
        return isWritten ? confirmed : undefined
      })
      // Threat: a log-out that came before this was written, and found nobody. Its mark is forgotten before the person is.
      if (isWritten && (await marks.isLoggedOut(login, at))) await logOut(subject, login.providerSession)
    },
    async refuse(subject) {
      const refusedAt = Math.floor(clock.now() / 1000)
      await change(subject, known => ({ ...known, refusedAt: Math.max(refusedAt, known.refusedAt ?? 0) }))
    },
    logOut,
    async confirmedBy(issuer, providerSession) {
      const found = (await persons.get(sessionId(issuer, providerSession)))?.value
      return typeof found === 'string' ? found : undefined
    },
    async personOf(subject) {
      const record = await persons.get(subject)
      if (record === undefined) return undefined
      const kept = keptIn(record)
      const { login, confirmedAt } = kept
      const isRecent = clock.now() / 1000 - confirmedAt < confirmWithinSeconds && !isAhead(confirmedAt, clock)
      if (isRefused(kept) || !isRecent || !providers.has(login.identity.provider)) return undefined
      if (await marks.isLoggedOut(login, confirmedAt)) return undefined
      return describe(subject, kept, record)
    },
  }
}

/** No issuer holds a NUL, so this is nobody's subject. */
const sessionId = (issuer: string, providerSession: string): string => `session\0${issuer}\0${providerSession}`

/** The seal vouches that nobody else wrote it. */
const keptIn = ({ value }: OpenedRecord): Kept => value as Kept

const isRefused = ({ confirmedAt, refusedAt = 0 }: Kept): boolean => refusedAt > confirmedAt

const partOf = ({ identity, startedAt, providerSession }: LoginSession): Kept['login'] => ({
  identity,
  startedAt,
  ...(providerSession !== undefined && { providerSession }),
})

/** Threat: a second factor, or a fresh login, that counts for whoever has a password and nothing else. */
function withoutLogin({ authTime: _time, amr: _amr, acr: _acr, ...person }: User, named: readonly string[]): User {
  const groups = Object.freeze([...person.groups])
  return Object.freeze({ ...person, groups, claims: Object.freeze(personClaims(person.claims, named)) })
}
