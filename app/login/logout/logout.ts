/**
 * `/logout`: asks, ends the session everywhere, and goes on to the provider (OpenID Connect RP-Initiated Logout 1.0).
 *
 * An image on any page can be `/logout`, so only a form of this site logs out: the browser says where it comes from,
 * and it carries a token that only the session and the form know (logout CSRF).
 */
import type { Request, RequestHandler } from 'express'
import { OperationalError } from '../../errors.ts'
import { arrivalOf, auditFields, type Exchange, nameOf, redirect, sendPage } from '../arrival.ts'
import { loginOf } from '../browser/session-middleware.ts'
import type {
  BrowserMarks,
  LoginAttempts,
  LoginDependencies,
  LoginPlaces,
  LoginRecords,
  LoginSessions,
} from '../dependencies.ts'
import { describeError } from '../provider/describe-error.ts'
import type { DiscoveredProvider } from '../provider/discovery.ts'

const signedOutPath = '/signed-out'

export function createConfirmLogoutRoute(
  dependencies: Pick<BrowserMarks, 'formTokens'> & Pick<LoginRecords, 'pages'>,
): RequestHandler {
  return (request, response) => {
    const login = loginOf(request)
    if (login === undefined) return redirect(response, signedOutPath)
    const page = dependencies.pages(response.req).confirmLogout({
      who: nameOf(login.identity),
      action: '/logout',
      csrfToken: dependencies.formTokens.tokenOf(request.sessionID),
    })
    sendPage(response, 200, page)
  }
}

/** The body has been parsed as a form. */
export function createLogoutRoute(dependencies: LoginDependencies): RequestHandler {
  return async (request, response) => {
    const login = loginOf(request)
    arrivalOf(response).retryUrl = '/logout'
    requireSameOrigin(request, dependencies.publicUrl)
    if (login === undefined) return redirect(response, signedOutPath)
    requireToken(request, dependencies)
    const { provider, subject } = login.identity
    await endOwnSession({ request, response }, dependencies)
    const session = dependencies.sessionDigest(request.sessionID)
    dependencies.audit.write({
      event: 'session.ended',
      ...auditFields({ request, response }),
      subject,
      session,
      cause: 'logout',
    })
    const target = await endSessionUrl(login.idToken, provider, dependencies)
    if (target === undefined) return redirect(response, signedOutPath)
    // A redirect would be a part of the form's own way, which the page's policy ends at this origin: wherever the provider
    // then redirects, the browser would stop, and the person would still be logged in there.
    sendPage(response, 200, dependencies.pages(response.req).leadBack({ url: target }))
  }
}

/**
 * `Sec-Fetch-Site` where the browser sends it; otherwise `Origin`, which is `null` under a strict referrer policy and
 * then says nothing. The token decides in any case.
 */
export function requireSameOrigin(request: Request, publicUrl: string): void {
  const site = request.headers['sec-fetch-site']
  const { origin } = request.headers
  const isForeign =
    site !== undefined ? site !== 'same-origin' : origin !== undefined && origin !== 'null' && origin !== publicUrl
  if (isForeign) throw new OperationalError('ERR_LOGOUT_CROSS_SITE', 'the form was sent by another site')
}

export function requireToken(request: Request, { formTokens }: Pick<BrowserMarks, 'formTokens'>): void {
  const { token } = (request.body ?? {}) as { readonly token?: unknown }
  if (!formTokens.isTokenOf(request.sessionID, token)) {
    throw new OperationalError('ERR_LOGOUT_CROSS_SITE', 'the form carries no token of this session')
  }
}

async function endOwnSession({ request, response }: Exchange, { endSession, sessions }: LoginSessions): Promise<void> {
  await endSession(request.sessionID)
  await new Promise<void>((resolve, reject) => {
    request.session.destroy((error: unknown) => (error ? reject(error) : resolve()))
  })
  sessions.clearCookie(response)
}

/** A provider that is down does not keep anybody logged in here. */
async function endSessionUrl(
  idToken: string | undefined,
  provider: string,
  dependencies: LoginPlaces & LoginAttempts & LoginRecords,
): Promise<string | undefined> {
  const found = await dependencies.providers.find(provider).catch(() => undefined)
  return found === undefined ? undefined : safeEndSessionUrl(found, idToken, dependencies)
}

function safeEndSessionUrl(
  provider: DiscoveredProvider,
  idToken: string | undefined,
  dependencies: LoginPlaces & LoginRecords,
): string | undefined {
  try {
    return provider.endSessionUrl(idToken, `${dependencies.publicUrl}${signedOutPath}`)
  } catch (error) {
    dependencies.logger.warn(
      { reason: describeError(error) },
      'the end_session_endpoint of the provider cannot be used',
    )
    return undefined
  }
}
