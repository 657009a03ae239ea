/**
 * Finds sessions without their ids: by person, by the provider's session, by host, or all, page by page.
 *
 * An index holds digests and is a hint: it is written before the session, and read together with it. What counts is
 * whether the session's own record stands, so a session that has ended is on no list, whatever its index says. A summary
 * holds what a list shows and no credential; the master secret alone protects it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import { beginningOf, type Cut, createCutoffReader, isCut } from './cutoffs.ts'
import type { LoginSession } from './login-session.ts'
import type { RecordStore } from './record-store.ts'
import { digestOf } from './records/seal.ts'
import { createSealedRecords, type OpenedRecord } from './records/sealed-records.ts'
import { indexOf, type SessionFilter } from './session-index.ts'
import { endTokens } from './session-tokens.ts'

/** How a session is named to people and in audit events: first characters of its key. Opens nothing. */
const handleLength = 16
/** Sessions that one step of ending reads. */
const pageOfEnding = 200
/** Another check writes the same summary rarely, and never for long. */
const mostAttempts = 8
/** Where a policy has `*.` rows, a person may visit any number of hosts; a summary names the last ones. */
const mostHosts = 100

export interface SessionSummary {
  /** As `session` in audit events. */
  readonly handle: string
  readonly subject: string
  readonly provider: string
  readonly providerSession?: string
  readonly email?: string
  readonly name?: string
  /** Seconds since the epoch. */
  readonly startedAt: number
  /** See `LoginSession`. */
  readonly startedAtMs?: number
  /** The end at the latest, seconds since the epoch. */
  readonly endsAt: number
  readonly clientAddress?: string
  readonly userAgent?: string
  /** The last hosts, 100 at most, that got a cookie of this session: when, in seconds since the epoch. */
  readonly hosts: readonly { readonly host: string; readonly since: number }[]
  /** Present where clusters are configured: what the person is called there. */
  readonly inClusters?: NamesForClusters
  /** Present where applications ask about people. */
  readonly person?: PersonFacts
}

/** What is known of a person by a login, beside the address: never shown on a list. */
export interface PersonFacts {
  readonly groups: readonly string[]
  /** Seconds since the epoch. */
  readonly authTime?: number
  readonly amr?: readonly string[]
  readonly acr?: string
}

/** What the role of the gateway in a cluster is made from. */
export interface NamesForClusters {
  /** As the provider says, without a prefix. */
  readonly groups: readonly string[]
  /** By the claim that a cluster calls people by; without those that the person does not have. */
  readonly names: Readonly<Record<string, string>>
}

/** A session that can be used now. */
export interface ListedSession extends SessionSummary {
  /** When it ends if it is not used any more, seconds since the epoch. */
  readonly idleUntil: number
}

export interface SessionPage {
  readonly sessions: readonly ListedSession[]
  /** For the next page; absent on the last. A page may be shorter than its limit, even empty, and not be the last. */
  readonly next?: string
}

/** Every method rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer. */
export interface SessionDirectory {
  /** Before the session is written: whatever stands can be found. */
  register(sessionId: string, login: LoginSession): Promise<void>
  /** The session is described anew: its summary says so too. */
  described(sessionId: string, login: LoginSession): Promise<void>
  /** A host took the session over. */
  visited(sessionId: string, host: string): Promise<void>
  /** `limit`: 1 to 1000 entries of the index are looked at. */
  list(filter: SessionFilter, page: { readonly after?: string; readonly limit: number }): Promise<SessionPage>
  /** `undefined` for one that has ended or never was. */
  show(handle: string): Promise<ListedSession | undefined>
  /**
   * Ends every session of the filter that was there when it was called, everywhere. `onEnded` is told of each one, so that
   * what has ended is recorded even when a later one fails.
   */
  end(filter: SessionFilter, onEnded: (session: SessionSummary) => void, options?: EndingOptions): Promise<number>
}

export interface EndingOptions {
  /** Handle of a session that stays. */
  readonly except?: string
}

export interface SessionDirectoryOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
  /** How long a session can live at most, in seconds: for tombstones. */
  readonly longestLifetimeSeconds: number
  /** When a login ends at the latest, in seconds since the epoch. */
  readonly endOf: (login: LoginSession) => number
  /** Default: summaries say nothing about clusters. */
  readonly inClusters?: (login: LoginSession) => NamesForClusters
  /** Default: summaries say nothing about groups and the login. */
  readonly person?: (login: LoginSession) => PersonFacts
}

export const handleOf = (sessionKey: string): string => sessionKey.slice(0, handleLength)

export function createSessionDirectory(options: SessionDirectoryOptions): SessionDirectory {
  const { records, secrets, clock, longestLifetimeSeconds, endOf, inClusters, person } = options
  const summaries = createSealedRecords({ records, secrets, kind: 'summary' })
  const readCut = createCutoffReader({ records, secrets })

  async function read(sessionKey: string, cut: Cut | undefined): Promise<ListedSession | undefined> {
    const [session, summary] = await Promise.all([records.get('session', sessionKey), summaries.get(sessionKey)])
    if (session === undefined || summary === undefined) return undefined
    const found = summaryOf(summary)
    if (isCut(cut, found, found.provider)) return undefined
    return { ...found, idleUntil: Math.floor(session.expiresAt / 1000) }
  }

  async function readPage(filter: SessionFilter, page: { readonly after?: string; readonly limit: number }) {
    const { members, next } = await records.page(indexOf(filter), page)
    // A session may stand in an index twice, under two expiries.
    const keys = [...new Set(members)]
    const cut = await readCut()
    const found = await Promise.all(keys.map(async key => ({ key, session: await read(key, cut) })))
    return { found, next }
  }

  async function end(sessionKey: string): Promise<void> {
    const until = clock.now() + longestLifetimeSeconds * 1000
    await Promise.all([records.end('session', sessionKey, until), endTokens(records, sessionKey, until)])
  }

  /** `undefined` from `change`: nothing is to be written. */
  async function replace(
    sessionKey: string,
    change: (known: SessionSummary) => SessionSummary | undefined,
    attempt = 1,
  ): Promise<void> {
    const summary = await summaries.get(sessionKey)
    const changed = summary === undefined ? undefined : change(summaryOf(summary))
    if (summary === undefined || changed === undefined) return
    if (await summaries.replace(sessionKey, summary.version, changed, summary.expiresAt)) return
    if (attempt < mostAttempts) await replace(sessionKey, change, attempt + 1)
  }

  async function addHost(sessionKey: string, host: string): Promise<void> {
    const summary = await summaries.get(sessionKey)
    if (summary === undefined) return
    await records.link(indexOf({ host }), sessionKey, summaryOf(summary).endsAt * 1000)
    await replace(sessionKey, known => {
      if (known.hosts.some(visited => visited.host === host)) return undefined
      return { ...known, hosts: [...known.hosts, { host, since: Math.floor(clock.now() / 1000) }].slice(-mostHosts) }
    })
  }

  const described = (login: LoginSession): Pick<SessionSummary, 'inClusters' | 'person'> => ({
    ...(inClusters !== undefined && { inClusters: inClusters(login) }),
    ...(person !== undefined && { person: person(login) }),
  })

  return {
    async register(sessionId, login) {
      const key = digestOf('session', sessionId)
      const summary = { ...summarise(handleOf(key), login, endOf(login)), ...described(login) }
      const expiresAt = summary.endsAt * 1000
      const filters = filtersOf(summary, issuerOf(login))
      await Promise.all(filters.map(filter => records.link(indexOf(filter), key, expiresAt)))
      await summaries.put(key, summary, expiresAt)
    },
    async described(sessionId, login) {
      if (inClusters === undefined && person === undefined) return
      const { email } = login.identity
      await replace(digestOf('session', sessionId), known => {
        const { email: _email, ...rest } = known
        const changed = { ...rest, ...(email !== undefined && { email }), ...described(login) }
        return isDeepStrictEqual(changed, known) ? undefined : changed
      })
    },
    visited: (sessionId, host) => addHost(digestOf('session', sessionId), host),
    async list(filter, page) {
      const { found, next } = await readPage(filter, page)
      const sessions = found.flatMap(({ session }) => (session === undefined ? [] : [session]))
      return { sessions, ...(next === undefined ? {} : { next }) }
    },
    async show(handle) {
      const { found } = await readPage({ session: handle }, { limit: 10 })
      return found.find(({ session }) => session !== undefined)?.session
    },
    async end(filter, onEnded, { except } = {}) {
      let ended = 0
      let after: string | undefined
      const endOne = async ({ key, session }: FoundSession): Promise<void> => {
        if (handleOf(key) === except) return
        // A login that is being written has no record yet: its tombstone has to be there first.
        await end(key)
        if (session === undefined) return
        ended += 1
        onEnded(session)
      }
      do {
        const { found, next } = await readPage(filter, {
          limit: pageOfEnding,
          ...(after === undefined ? {} : { after }),
        })
        // All of a page at once, which the store makes durable together; each is waited for, so that each is told of.
        const outcomes = await Promise.allSettled(found.map(endOne))
        const failed = outcomes.find(outcome => outcome.status === 'rejected')
        if (failed !== undefined) throw failed.reason
        after = next
      } while (after !== undefined)
      return ended
    },
  }
}

interface FoundSession {
  readonly key: string
  readonly session: ListedSession | undefined
}

/** The seal vouches that nobody else wrote it. */
const summaryOf = ({ value }: OpenedRecord): SessionSummary => value as SessionSummary

function summarise(handle: string, login: LoginSession, endsAt: number): SessionSummary {
  const { identity, providerSession, startedFrom = {} } = login
  const { subject, provider, email, name } = identity
  return {
    handle,
    subject,
    provider,
    ...(providerSession !== undefined && { providerSession }),
    ...(email !== undefined && { email }),
    ...(name !== undefined && { name }),
    ...beginningOf(login),
    endsAt,
    ...startedFrom,
    hosts: [],
  }
}

/** A subject is `issuer#sub`; a fragment is no part of an issuer (OpenID Connect Discovery 1.0 section 3). */
export const issuerOf = ({ identity }: Pick<LoginSession, 'identity'>): string =>
  identity.subject.slice(0, identity.subject.indexOf('#'))

function filtersOf({ handle, subject, providerSession }: SessionSummary, issuer: string): readonly SessionFilter[] {
  const own: readonly SessionFilter[] = [{ subject }, { session: handle }, { all: true }]
  return providerSession === undefined ? own : [...own, { issuer, providerSession }]
}
