/** Ends what a provider says has ended (OpenID Connect Back-Channel Logout 1.0 section 2.7). */
import type { LoggedOut, LogoutMarks } from './logout-marks.ts'
import type { ListedSession, SessionDirectory, SessionSummary } from './session-directory.ts'

export interface ProviderLogout {
  /**
   * Ends every session that is meant, here and on every replica, and every login of them that is under way. `onEnded` is
   * told of each one. Resolves with how many there were; none is no failure. Rejects with `ERR_STORE_UNAVAILABLE`.
   */
  end(loggedOut: LoggedOut, onEnded: (session: SessionSummary) => void): Promise<number>
}

export interface ProviderLogoutOptions {
  readonly directory: Pick<SessionDirectory, 'list' | 'end'>
  readonly marks: Pick<LogoutMarks, 'leave'>
  /** Whom a session of the provider has confirmed, be it in the directory or not; `undefined` for nobody who is kept. */
  readonly confirmedBy: (issuer: string, providerSession: string) => Promise<string | undefined>
  /** Told of each person who is meant, and of the provider's session where it names one. */
  readonly onLogout: (subject: string, providerSession?: string) => Promise<void>
}

const pageOfSearch = 200

export function createProviderLogout({
  directory,
  marks,
  confirmedBy,
  onLogout,
}: ProviderLogoutOptions): ProviderLogout {
  /** Sessions of a person of which the provider never said to which of its own they belong. */
  async function endNameless(subject: string, onEnded: (session: SessionSummary) => void): Promise<number> {
    let ended = 0
    for await (const { handle, providerSession } of sessionsOf(subject, directory)) {
      if (providerSession === undefined) ended += await directory.end({ session: handle }, onEnded)
    }
    return ended
  }

  return {
    async end(loggedOut, onEnded) {
      const { issuer, subject, providerSession } = loggedOut
      await marks.leave(loggedOut)
      if (subject !== undefined) await onLogout(subject, providerSession)
      if (providerSession === undefined) return subject === undefined ? 0 : directory.end({ subject }, onEnded)
      const persons = new Set<string>()
      const ended = await directory.end({ issuer, providerSession }, session => {
        persons.add(session.subject)
        onEnded(session)
      })
      const kept = await confirmedBy(issuer, providerSession)
      if (kept !== undefined) persons.add(kept)
      for (const person of persons) await onLogout(person, providerSession)
      return subject === undefined ? ended : ended + (await endNameless(subject, onEnded))
    },
  }
}

async function* sessionsOf(
  subject: string,
  directory: Pick<SessionDirectory, 'list'>,
): AsyncGenerator<ListedSession, void> {
  let after: string | undefined
  do {
    const page = await directory.list({ subject }, { limit: pageOfSearch, ...(after === undefined ? {} : { after }) })
    yield* page.sessions
    after = page.next
  } while (after !== undefined)
}
