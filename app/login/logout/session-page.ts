/**
 * `/session`: who somebody is here, until when, on which hosts, and where else they are logged in; and an end to any of
 * those sessions.
 *
 * Threat: whoever knows the handle of a session, which stands in audit events, must not end it: a session of somebody
 * else is answered like one that never was. And as with log-out only a form of this site ends anything.
 */
import type { Request, RequestHandler } from 'express'
import { OperationalError } from '../../errors.ts'
import type { SessionPage, SessionSummary } from '../../sessions/session-directory.ts'
import { arrivalOf, auditFields, type Exchange, nameOf, redirect, sendPage } from '../arrival.ts'
import { loginOf } from '../browser/session-middleware.ts'
import type { LoginDependencies, LoginRecords, LoginSessions } from '../dependencies.ts'
import { overviewOf, revokeAllOf } from '../passwords/routes.ts'
import { leadToLogin, requireOwnForm, sessionPath } from './own-form.ts'

/** Entries of the index that one page looks at. */
const pageLength = 50

export function createSessionPageRoute(dependencies: LoginDependencies): RequestHandler {
  const { clock, directory, formTokens, pages, passwords, providers, publicUrl, sessionDigest } = dependencies
  return async (request, response) => {
    arrivalOf(response).retryUrl = sessionPath
    const login = loginOf(request)
    if (login === undefined) {
      return redirect(response, `/login?rd=${encodeURIComponent(publicUrl + sessionPath)}`)
    }
    const { identity, startedAt, verifiedAt = startedAt, unverified } = login
    const own = sessionDigest(request.sessionID)
    const [listed, page] = await Promise.all([directory.show(own), listOf(identity.subject, request, dependencies)])
    const overview = pages(response.req).sessionOverview({
      now: Math.floor(clock.now() / 1000),
      who: nameOf(identity),
      provider: providers.list.find(({ name }) => name === identity.provider)?.label ?? identity.provider,
      groups: identity.groups,
      startedAt,
      verifiedAt,
      ...(unverified !== undefined && { unverifiedSince: unverified.since }),
      ...(listed !== undefined && { listed }),
      others: page.sessions.filter(({ handle }) => handle !== own),
      ...(page.next !== undefined && { moreUrl: `${sessionPath}?after=${encodeURIComponent(page.next)}` }),
      ...(passwords !== undefined && { passwords: await overviewOf(login, { ...dependencies, passwords }) }),
      csrfToken: formTokens.tokenOf(request.sessionID),
    })
    sendPage(response, 200, overview)
  }
}

/** The body has been parsed as a form. */
export function createEndSessionRoute(dependencies: LoginDependencies): RequestHandler {
  const { directory, sessionDigest } = dependencies
  return async (request, response) => {
    const exchange = { request, response }
    const login = requireOwnForm(exchange, dependencies)
    if (login === undefined) return leadToLogin(response, dependencies)
    const { session: handle } = request.body as { readonly session?: unknown }
    // Its end is a log-out, which goes on to the provider.
    if (handle === sessionDigest(request.sessionID)) return redirect(response, '/logout')
    const found = typeof handle === 'string' ? await directory.show(handle) : undefined
    if (found === undefined || found.subject !== login.identity.subject) {
      throw new OperationalError('ERR_ENDPOINT_UNKNOWN', 'this person has no such session')
    }
    await directory.end({ session: found.handle }, recordEnd(exchange, dependencies))
    redirect(response, sessionPath)
  }
}

/** The body has been parsed as a form. */
export function createEndOtherSessionsRoute(dependencies: LoginDependencies): RequestHandler {
  const { directory, sessionDigest } = dependencies
  return async (request, response) => {
    const exchange = { request, response }
    const login = requireOwnForm(exchange, dependencies)
    if (login === undefined) return leadToLogin(response, dependencies)
    const { subject } = login.identity
    const except = sessionDigest(request.sessionID)
    await directory.end({ subject }, recordEnd(exchange, dependencies), { except })
    // Whoever wants everybody else out means these as well: another session may have made one.
    await revokeAllOf(login, 'other-sessions', exchange, dependencies)
    redirect(response, sessionPath)
  }
}

async function listOf(subject: string, request: Request, { directory }: LoginSessions): Promise<SessionPage> {
  const { after } = request.query
  const cursor = typeof after === 'string' ? { after } : {}
  try {
    return await directory.list({ subject }, { limit: pageLength, ...cursor })
  } catch (error) {
    // The cursor comes from the address.
    if (error instanceof RangeError) throw new OperationalError('ERR_REQUEST_MALFORMED', 'no page gave this cursor')
    throw error
  }
}

function recordEnd(exchange: Exchange, { audit }: LoginRecords) {
  return ({ subject, email, handle }: SessionSummary): void =>
    audit.write({
      event: 'session.ended',
      ...auditFields(exchange),
      subject,
      email,
      session: handle,
      cause: 'other-session',
    })
}
