/** What can be watched for its end, and how it is looked at. A look is no use: it keeps no session alive. */
import type { Clock } from '../../clock.ts'
import { type CutoffReaderOptions, createCutoffReader, isCut } from '../cutoffs.ts'
import type { LoginSession } from '../login-session.ts'
import type { ValueOrPromise } from '../record-store.ts'
import { digestOf } from '../records/seal.ts'
import { handleOf, type ListedSession, type SessionDirectory } from '../session-directory.ts'
import type { SessionView } from '../session-store.ts'

export type Watched =
  /**
   * One session, by the secret id of its cookie. `stands` is asked at each look whether what is carried may go on with the
   * login as it is then, which its provider may have described anew; it runs often and must not do anything else.
   */
  | { readonly session: string; readonly stands?: (login: LoginSession) => boolean }
  /** A person, `<issuer>#<sub>`: ends with the last of their sessions. */
  | { readonly subject: string }
  /** Whatever began at `since` with this provider: ends when the sessions of the provider, or all, are cut. */
  | ({ readonly provider: string } & Since)
  /** Whatever began at `since`: ends when all sessions are cut. */
  | ({ readonly all: true } & Since)
  /** What hangs on no session: whoever watches looks by themselves, as often as at the others. */
  | { readonly look: Look }

interface Since {
  /** Seconds since the epoch. Default: when the watch begins. */
  readonly since?: number
}

/**
 * `ended`: by a log-out, an operator, its provider, or a cutoff. `expired`: by time, unused or too old. `withdrawn`: the
 * session goes on, and `stands` has said no. `unknown`: the store, or the provider that has to be asked, gave no answer for
 * too long, or the service stops.
 */
export type EndReason = 'ended' | 'expired' | 'withdrawn' | 'unknown'

/** What was found standing. */
export interface Standing {
  /** When it ends unless something happens, milliseconds since the epoch; `Infinity` where time ends nothing. */
  readonly endsAt: number
  /** Handles of the sessions with which it stands or falls. */
  readonly handles: readonly string[]
  /** Asks what else has to hold. As a guard of a check: fails with an OperationalError when that cannot be told. */
  readonly confirm?: () => ValueOrPromise<boolean>
}

/** `undefined`: it has ended. Throws or rejects with `ERR_STORE_UNAVAILABLE`. */
export type Look = () => ValueOrPromise<Standing | 'withdrawn' | undefined>

export interface LooksOptions extends CutoffReaderOptions {
  readonly sessions: SessionView
  readonly directory: Pick<SessionDirectory, 'list'>
  readonly clock: Clock
  /** What every check asks about a session that stands, whatever the host: whether its provider still stands by it. */
  readonly holds: (sessionId: string, login: LoginSession) => ValueOrPromise<boolean>
}

/** Handles that are known before the first look. */
export interface Looking {
  readonly look: Look
  readonly handles: readonly string[]
}

/** Sessions that one step of a look at a person reads. */
const pageSize = 200
const forEver: Standing = { endsAt: Number.POSITIVE_INFINITY, handles: [] }

export function createLooks(options: LooksOptions): (watched: Watched) => Looking {
  const { sessions, directory, clock, holds } = options
  const readCut = createCutoffReader(options)

  function atSession({ session: sessionId, stands }: Extract<Watched, { session: string }>): Looking {
    const handles = [handleOf(digestOf('session', sessionId))]
    return {
      handles,
      async look() {
        const found = await sessions.look(sessionId)
        if (found === undefined) return undefined
        if (stands?.(found.login) === false) return 'withdrawn'
        return { endsAt: found.endsAt, handles, confirm: () => holds(sessionId, found.login) }
      },
    }
  }

  async function atPerson(subject: string): Promise<Standing | undefined> {
    const found: ListedSession[] = []
    let after: string | undefined
    do {
      const page = await directory.list({ subject }, { limit: pageSize, ...(after !== undefined && { after }) })
      found.push(...page.sessions)
      after = page.next
    } while (after !== undefined)
    if (found.length === 0) return undefined
    // Of whole seconds, of which the last counts.
    const endsAt = Math.max(...found.map(({ idleUntil, endsAt }) => Math.min(idleUntil, endsAt) + 1)) * 1000
    return { endsAt, handles: found.map(({ handle }) => handle) }
  }

  async function atCutoff(startedAt: number, provider: string | undefined): Promise<Standing | undefined> {
    const cut = await readCut()
    const ofScope = cut !== undefined && provider === undefined ? { ...cut, providers: new Map() } : cut
    return isCut(ofScope, { startedAt }, provider ?? '') ? undefined : forEver
  }

  return watched => {
    if ('look' in watched) return { look: watched.look, handles: [] }
    if ('session' in watched) return atSession(watched)
    if ('subject' in watched) return { look: () => atPerson(watched.subject), handles: [] }
    const since = watched.since ?? clock.now() / 1000
    const provider = 'provider' in watched ? watched.provider : undefined
    return { look: () => atCutoff(since, provider), handles: [] }
  }
}
