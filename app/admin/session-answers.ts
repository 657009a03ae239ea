/** What the admin listener answers about sessions: lists and ends them, by the store of this process. Calls and answers are data. */
import type { AuditLog } from '../audit/event.ts'
import { OperationalError } from '../errors.ts'
import type { ListedSession, SessionDirectory, SessionSummary } from '../sessions/session-directory.ts'
import type { SessionFilter } from '../sessions/session-index.ts'
import { answerPasswords, type PasswordStore, type PasswordsCall, recordRevoked } from './password-answers.ts'

/** Which sessions are to end. */
export type SessionSelector =
  | { readonly session: string }
  | { readonly subject: string }
  | { readonly issuer: string; readonly providerSession: string }
  | CutScope

/** Too many to be ended one by one. */
type CutScope = { readonly provider: string } | { readonly all: true }

export type SessionsCall =
  | PasswordsCall
  | { readonly kind: 'list'; readonly filter: SessionFilter; readonly after?: string; readonly limit: number }
  | { readonly kind: 'show'; readonly handle: string }
  /** `by`: who asks for it, as the caller says. */
  | { readonly kind: 'end'; readonly selector: SessionSelector; readonly by: string }

export interface SessionsAnswer {
  readonly status: number
  readonly body: object
}

/** Answers what is expected to go wrong with a status; rejects for defects. */
export type AnswerSessions = (call: SessionsCall) => Promise<SessionsAnswer>

export interface SessionAnswersOptions {
  readonly directory: Pick<SessionDirectory, 'list' | 'show' | 'end'>
  /** Ends all sessions, or all of a provider, with one write. */
  readonly cutoffs: { readonly cut: (scope: CutScope) => Promise<void> }
  /** Names of the providers in the configuration. */
  readonly providers: readonly string[]
  readonly passwords: PasswordStore
  /** Whether some host takes application passwords. */
  readonly areTaken: boolean
  /** All of a person, also of those that no host takes now. */
  readonly revokePasswords?: PasswordStore['revokeAll']
  readonly audit: Pick<AuditLog, 'write'>
  readonly newRequestId: () => string
}

export function createSessionAnswers(options: SessionAnswersOptions): AnswerSessions {
  const { directory } = options

  async function list({ filter, after, limit }: Extract<SessionsCall, { kind: 'list' }>): Promise<SessionsAnswer> {
    const page = await directory.list(filter, { limit, ...(after === undefined ? {} : { after }) })
    return { status: 200, body: { ...page, sessions: page.sessions.map(describeSession) } }
  }

  async function show(handle: string): Promise<SessionsAnswer> {
    const session = await directory.show(handle)
    return session === undefined ? unknownSession : { status: 200, body: describeSession(session) }
  }

  const answer = (call: SessionsCall): Promise<SessionsAnswer> => {
    if (call.kind === 'list') return list(call)
    if (call.kind === 'show') return show(call.handle)
    if (call.kind !== 'end') return answerPasswords(call, options)
    const { selector, by } = call
    return isCutScope(selector) ? cut(selector, by, options) : end(selector, by, options)
  }
  return call => answer(call).catch((error: unknown) => refusalOf(error))
}

const unknownSession: SessionsAnswer = { status: 404, body: { error: 'no session with this handle can be used' } }

const isCutScope = (selector: SessionSelector): selector is CutScope => 'provider' in selector || 'all' in selector

async function cut(scope: CutScope, by: string, options: SessionAnswersOptions): Promise<SessionsAnswer> {
  const { audit, cutoffs, newRequestId, providers } = options
  const provider = 'provider' in scope ? scope.provider : undefined
  // A name with a typing error must not be answered as if it had ended anything.
  if (provider !== undefined && !providers.includes(provider)) {
    return { status: 400, body: { error: `there is no such provider; there are: ${providers.join(', ')}` } }
  }
  const requestId = newRequestId()
  await cutoffs.cut(scope)
  const named = provider === undefined ? ({ scope: 'all' } as const) : ({ scope: 'provider', provider } as const)
  audit.write({ event: 'sessions.cut', requestId, ...named, by })
  return { status: 200, body: { cut: named.scope, ...(provider === undefined ? {} : { provider }), requestId } }
}

async function end(
  filter: Exclude<SessionSelector, CutScope>,
  by: string,
  options: SessionAnswersOptions,
): Promise<SessionsAnswer> {
  const { areTaken, audit, directory, newRequestId, revokePasswords } = options
  const requestId = newRequestId()
  let ended = 0
  const record = ({ subject, email, handle }: SessionSummary): void => {
    ended += 1
    audit.write({ event: 'session.ended', requestId, subject, email, session: handle, cause: 'admin', by })
  }
  // Threat: whoever had a session of the person, and made a password with it.
  const revokeAll = async (): Promise<object> => {
    if (revokePasswords === undefined || !('subject' in filter)) return {}
    const revoked = await revokePasswords(filter.subject)
    recordRevoked(revoked, { by, requestId }, options)
    return !areTaken && revoked.length === 0 ? {} : { passwords: revoked.length }
  }
  let more = {}
  try {
    await directory.end(filter, record)
    more = await revokeAll()
  } catch (error) {
    const { status, body } = refusalOf(error)
    return { status, body: { ...body, ended, requestId } }
  }
  if (ended === 0 && 'session' in filter) return unknownSession
  return { status: 200, body: { ended, ...more, requestId } }
}

/** Throws what is not expected. */
function refusalOf(error: unknown): SessionsAnswer {
  // A cursor that no page gave comes from the caller.
  if (error instanceof RangeError) return { status: 400, body: { error: error.message } }
  if (error instanceof OperationalError) return { status: error.status, body: { error: error.sentence } }
  throw error
}

/** Moments as text. */
function describeSession(session: ListedSession): object {
  const { startedAt, startedAtMs: _exactly, person: _person, endsAt, idleUntil, hosts, ...rest } = session
  return {
    ...rest,
    startedAt: momentOf(startedAt),
    idleUntil: momentOf(idleUntil),
    endsAt: momentOf(endsAt),
    hosts: hosts.map(({ host, since }) => ({ host, since: momentOf(since) })),
  }
}

const momentOf = (seconds: number): string => new Date(seconds * 1000).toISOString()
