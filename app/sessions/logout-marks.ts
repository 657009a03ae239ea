/**
 * What providers have told of log-outs, remembered for as long as it can matter.
 *
 * Threat: a log-out that overtakes a login. The person has logged in at the provider, the answer is being checked here,
 * and the provider tells that this login has ended: there is no session yet that could be ended, and a moment later there
 * is one. So a log-out first leaves a mark and then looks for sessions, and a login first writes its session, with what
 * finds it, and then looks for marks: whichever comes second sees the other.
 */
import type { Clock } from '../clock.ts'
import { createCutoffReader, isCut } from './cutoffs.ts'
import type { LoginSession } from './login-session.ts'
import type { RecordStore } from './record-store.ts'
import { createSealedRecords } from './records/sealed-records.ts'
import { issuerOf } from './session-directory.ts'

/** Whom a log-out is about. A subject alone means all of its sessions. */
export interface LoggedOut {
  readonly issuer: string
  /** `<issuer>#<sub>` */
  readonly subject?: string
  /** The provider's name for its session (`sid`). */
  readonly providerSession?: string
}

/** Every method rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer. */
export interface LogoutMarks {
  /** Durable when it resolves. */
  leave(loggedOut: LoggedOut): Promise<void>
  /** Whether a log-out, or a cut, has come for this login since its attempt began (seconds since the epoch). */
  isLoggedOut(login: Pick<LoginSession, 'identity' | 'providerSession'>, attemptStartedAt: number): Promise<boolean>
  /** Whether this message of an issuer has been acted on. */
  hasSeen(issuer: string, messageId: string): Promise<boolean>
  /** To be called when it has been: a message whose log-out failed may come again. */
  seen(issuer: string, messageId: string, ttlSeconds: number): Promise<void>
}

export interface LogoutMarksOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
  readonly clock: Clock
  /** How long a person may take to log in at the provider, in seconds. */
  readonly attemptLifetimeSeconds: number
  /** For how long somebody else wants to know of a log-out, in seconds. Default 0. */
  readonly keepSeconds?: number
}

/** Time to exchange the code, after an attempt was taken in its last second. Far more than all timeouts together. */
const exchangeSeconds = 600

export function createLogoutMarks(options: LogoutMarksOptions): LogoutMarks {
  const { clock, attemptLifetimeSeconds, keepSeconds = 0, ...sealed } = options
  const marks = createSealedRecords({ ...sealed, kind: 'mark' })
  const readCut = createCutoffReader(sealed)
  const ttlMs = Math.max(attemptLifetimeSeconds + exchangeSeconds, keepSeconds) * 1000

  async function isMarkedSince(id: string, seconds: number): Promise<boolean> {
    const mark = await marks.get(id)
    // In the same second counts as since: which of the two was first cannot be told any more.
    return mark !== undefined && (mark.value as { readonly at: number }).at >= seconds * 1000
  }

  return {
    async leave(loggedOut) {
      const at = clock.now()
      await Promise.all(idsOf(loggedOut).map(id => marks.put(id, { at }, at + ttlMs)))
    },
    async isLoggedOut(login, attemptStartedAt) {
      const [cut, ...marked] = await Promise.all([
        readCut(),
        ...idsFor(login).map(id => isMarkedSince(id, Math.floor(attemptStartedAt))),
      ])
      return marked.includes(true) || isCut(cut, { startedAt: attemptStartedAt }, login.identity.provider)
    },
    hasSeen: async (issuer, messageId) => (await marks.get(messageIdOf(issuer, messageId))) !== undefined,
    async seen(issuer, messageId, ttlSeconds) {
      await marks.put(messageIdOf(issuer, messageId), {}, clock.now() + ttlSeconds * 1000)
    },
  }
}

// No issuer holds a NUL, and what a provider chooses stands last, so no two of these are the same text.
const sessionId = (issuer: string, providerSession: string) => `session\0${issuer}\0${providerSession}`
const subjectId = (subject: string) => `subject\0${subject}`
const namelessId = (subject: string) => `nameless\0${subject}`
const messageIdOf = (issuer: string, messageId: string) => `message\0${issuer}\0${messageId}`

function idsOf({ issuer, subject, providerSession }: LoggedOut): readonly string[] {
  if (providerSession === undefined) return subject === undefined ? [] : [subjectId(subject)]
  const session = sessionId(issuer, providerSession)
  return subject === undefined ? [session] : [session, namelessId(subject)]
}

function idsFor(login: Pick<LoginSession, 'identity' | 'providerSession'>): readonly string[] {
  const { subject } = login.identity
  const { providerSession } = login
  const own = providerSession === undefined ? namelessId(subject) : sessionId(issuerOf(login), providerSession)
  return [subjectId(subject), own]
}
