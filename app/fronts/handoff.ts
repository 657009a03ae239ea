/**
 * `/.sallyport/*` on an application's host: takes over a login session with a one-time ticket, shows denials, signs out.
 *
 * Behind forward-auth the answers travel as refusals of the check, so none of them may ever be 2xx: the proxy would let
 * the request through to the application.
 */

import type { Identity } from '../../rbac/identity.ts'
import { readingsOf } from '../../rbac/matchable-path.ts'
import { originOf } from '../../rbac/request/access-request.ts'
import type { AuditLog } from '../audit/event.ts'
import { OperationalError } from '../errors.ts'
import type { HandoffTicket } from '../sessions/handoff-ticket.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { OneTimeStore } from '../sessions/records/sealed-records.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { Authentication, VerifyQuestion } from '../verify.ts'
import type { DeniedPages } from './denied-pages.ts'
import type { ParsedSubrequest, Reply } from './front.ts'
import { pageReply, reasonReply, redirectReply, requestIdHeader } from './reply.ts'

export const reservedPath = '/.sallyport'

export function isReserved(resource: string): boolean {
  // Threat: NGINX, or an application, decodes `/.sallyport%2Fhandoff` and we did not.
  const mayBeReadOtherwise = resource.includes('%') || resource.includes(';')
  return mayBeReadOtherwise ? readingsOf(resource).some(isOwn) : isOwn(resource)
}

const isOwn = (path: string): boolean => path === reservedPath || path.startsWith(`${reservedPath}/`)

/** What a handoff needs to know of a browser. */
type Checked = Pick<Authentication, 'identity' | 'bindingHash' | 'clearCookie'>

/** Who was denied, and whether by way of a token. */
type Identified = Pick<Authentication, 'identity' | 'credential'>

type Asked = Pick<VerifyQuestion, 'cookie' | 'headers' | 'request' | 'clientAddress' | 'isInteractive' | 'isUpgrade'>

export interface HandoffDependencies {
  /** Origin of the auth host, without a trailing slash. */
  readonly publicUrl: string
  readonly tickets: OneTimeStore<HandoffTicket>
  readonly sessions: Pick<SessionStore, 'find'>
  /** A host takes a session over; before it gets the cookie. */
  readonly visited: (sessionId: string, host: string) => Promise<void>
  /** By the session cookie: whoever takes a session over is a browser. */
  readonly authenticate: (cookie: string, domain: string, asked: Asked) => Checked | Promise<Checked>
  /** By any credential, as the check that was denied. */
  readonly identify: (asked: Asked) => Identified | Promise<Identified>
  readonly issuePending: () => { readonly setCookie: string; readonly nonceHash: string }
  readonly issueSession: (sessionId: string, domain: string, maxAgeSeconds?: number) => string
  /** How long the cookie of somebody who chose to stay logged in lasts; `undefined`: as long as the browser runs. */
  readonly rememberedSeconds: (session: LoginSession) => number | undefined
  /** Present where sessions are bound: whether what this one is bound to came along. */
  readonly isBound?: (session: LoginSession, headers: Asked['headers']) => boolean
  readonly deniedPages: DeniedPages
  readonly audit: AuditLog
}

export interface Handoff {
  /** Answers a reserved path. Rejects with `OperationalError`. */
  readonly answer: (parsed: ParsedSubrequest, requestId: string) => Promise<Reply>
  /** The denial page for a proxy that cannot relay ours: always 403, whoever asks. */
  readonly denied: (parsed: ParsedSubrequest, requestId: string) => Promise<Reply>
}

export function createHandoff(dependencies: HandoffDependencies): Handoff {
  return {
    answer: async (parsed, requestId) => {
      switch (parsed.request.resource) {
        case `${reservedPath}/handoff`:
          return redeem(parsed, requestId, dependencies)
        case `${reservedPath}/sign-out`:
          return redirectReply(`${dependencies.publicUrl}/logout`, requestIdHeader(requestId))
        default:
          throw new OperationalError('ERR_ENDPOINT_UNKNOWN', 'no such reserved path')
      }
    },
    denied: async (parsed, requestId) => {
      const known = await identifyDenied(parsed, dependencies)
      if (known === undefined || known.credential !== undefined) {
        const reason = parsed.headers.only('x-sallyport-reason') ?? ''
        return reasonReply(403, { reason, requestId }, [requestIdHeader(requestId)])
      }
      const page = dependencies.deniedPages(known.identity, parsed, requestId)
      return pageReply(403, page, requestIdHeader(requestId))
    },
  }
}

/**
 * The check has identified whoever was denied, and a proof of theirs counts once (RFC 9449): who came with a token that is
 * refused now is answered as a program all the same: `undefined`.
 */
async function identifyDenied(
  parsed: ParsedSubrequest,
  { identify }: HandoffDependencies,
): Promise<Identified | undefined> {
  try {
    return await identify(askedOf(parsed))
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== 'ERR_BEARER_INVALID') throw error
    return undefined
  }
}

/** Nobody is sent away to the provider from here: a ticket waits, or a page that says no. */
const askedOf = ({ cookie, headers, request, clientAddress, isUpgrade }: ParsedSubrequest): Asked => ({
  cookie,
  headers,
  request,
  clientAddress,
  isInteractive: false,
  isUpgrade,
})

async function redeem(parsed: ParsedSubrequest, requestId: string, dependencies: HandoffDependencies): Promise<Reply> {
  const { request } = parsed
  const browser = await dependencies.authenticate(parsed.cookie, request.domain, askedOf(parsed))
  const ticket = await takeTicket(request.url, dependencies.tickets)
  if (ticket === undefined) return withoutTicket(parsed, requestId, browser.identity)
  if (ticket.domain !== request.domain) {
    throw new OperationalError('ERR_HANDOFF_TICKET_UNKNOWN', 'the ticket is for another host')
  }
  if (browser.bindingHash === undefined && !browser.clearCookie) {
    if (ticket.isAgain !== true) return startAgain(ticket, requestId, originOf(request.url), dependencies)
    throw new OperationalError('ERR_HANDOFF_COOKIES_BLOCKED', 'the browser brought no cookie for this host')
  }
  const session = await dependencies.sessions.find(ticket.sessionId)
  // Another tab was faster, or a session has ended meanwhile, this one or the one that the cookie was for: the check of
  // the original URL settles it.
  if (browser.bindingHash !== ticket.nonceHash || session === undefined) {
    return redirectReply(ticket.returnTo, requestIdHeader(requestId))
  }
  // The check would send the person to log in again, and the next login back here: without a person in between for ever.
  if (dependencies.isBound?.(session, parsed.headers) === false) {
    throw new OperationalError(
      'ERR_LOGIN_CERTIFICATE_MISSING',
      'the certificate of the login did not come to this host',
    )
  }
  await dependencies.visited(ticket.sessionId, request.domain)
  dependencies.audit.write({
    event: 'session.handed-off',
    requestId,
    subject: session.identity.subject,
    domain: request.domain,
  })
  const seconds = dependencies.rememberedSeconds(session)
  const cookie = dependencies.issueSession(ticket.sessionId, request.domain, seconds)
  return redirectReply(ticket.returnTo, [...requestIdHeader(requestId), 'Set-Cookie', cookie])
}

/**
 * The login was asked for on another spelling of this host, such as `wiki.example.com.` with its dot, and that one has the
 * cookie; or it was asked for too long ago. The ticket is used up and gives nothing: the login of this very browser does.
 */
function startAgain(
  ticket: HandoffTicket,
  requestId: string,
  origin: string,
  dependencies: HandoffDependencies,
): Reply {
  const { setCookie, nonceHash } = dependencies.issuePending()
  const { returnTo } = ticket
  // A long address is kept under a name, and the ticket leads to the page that knows it.
  const page = returnTo.startsWith(`${dependencies.publicUrl}/login/`)
    ? new URL(returnTo).searchParams.get('page')
    : null
  const place =
    page === null ? `rd=${encodeURIComponent(returnTo)}` : `page=${page}&rd=${encodeURIComponent(`${origin}/`)}`
  const location = `${dependencies.publicUrl}/login?again=1&handoff=${nonceHash}&${place}`
  return redirectReply(location, [...requestIdHeader(requestId), 'Set-Cookie', setCookie])
}

async function takeTicket(url: string, tickets: OneTimeStore<HandoffTicket>): Promise<HandoffTicket | undefined> {
  const query = url.indexOf('?')
  const ids = new URLSearchParams(query < 0 ? '' : url.slice(query)).getAll('ticket')
  const [id] = ids
  if (ids.length !== 1 || id === undefined || !/^[\w-]{20,64}$/.test(id)) return undefined
  return tickets.take(id)
}

/** A reload or the back button: someone who is logged in simply goes on; everyone else is told. */
function withoutTicket(parsed: ParsedSubrequest, requestId: string, identity: Identity): Reply {
  if (identity.kind === 'anonymous') {
    throw new OperationalError('ERR_HANDOFF_TICKET_UNKNOWN', 'the ticket is unknown, used or expired')
  }
  return redirectReply(`${originOf(parsed.request.url)}/`, requestIdHeader(requestId))
}
