/**
 * `/kube/authorize`: a person lets kubectl in on the computer that they sit at (RFC 8252, RFC 7636).
 *
 * Threat: a link on any page starts this. Nothing happens by being here: the person has to press a button, and what comes
 * of it goes to a program on their own machine that holds the verifier.
 */
import { randomBytes } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { GrantRefusal } from '../audit/event.ts'
import { OperationalError } from '../errors.ts'
import { auditFields, type Exchange } from '../program-endpoint.ts'
import { leadToLogin, loginOf, nameOf, personFields, requireOwnForm, sendPage } from './arrival.ts'
import { type GrantDependencies, grantsPath, issuerOf } from './dependencies.ts'
import {
  type AuthorizeRequest,
  answerUrl,
  clientId,
  GrantError,
  type Parameters,
  parseAuthorize,
  RedirectError,
} from './parameters.ts'

/** Seconds in which the command line fetches its tokens. */
const codeSeconds = 60

export function createAuthorizePageRoute(dependencies: GrantDependencies): RequestHandler {
  const { formTokens, pages, publicUrl, reach } = dependencies
  return (request, response) => {
    const exchange = { request, response }
    const asked = readRequest(request.query, exchange, dependencies)
    const login = loginOf(request)
    if (login === undefined) return leadToLogin(exchange, publicUrl)
    const page = pages(response.req).grantConsent({
      who: nameOf(login.identity),
      reach,
      action: `${grantsPath}/authorize`,
      fields: fieldsOf(asked),
      csrfToken: formTokens.tokenOf(request.sessionID),
    })
    sendPage(response, page)
  }
}

/** The body has been parsed as a form. */
export function createAuthorizeRoute(dependencies: GrantDependencies): RequestHandler {
  const { audit, codes, formTokens, pages, publicUrl } = dependencies
  return async (request, response) => {
    const exchange = { request, response }
    const body = (request.body ?? {}) as Parameters
    const asked = readRequest(body, exchange, dependencies)
    const login = loginOf(request)
    // By a page: a redirect would be a part of the form's own way, which the page's policy ends at this origin.
    if (login === undefined)
      return sendPage(response, pages(response.req).leadBack({ url: authorizeUrl(publicUrl, asked) }))
    requireOwnForm(request, publicUrl, formTokens)
    const issuer = issuerOf(publicUrl)
    if (body.decision !== 'allow') {
      audit.write({ event: 'grant.refused', ...personFields(exchange, dependencies.digest), reason: 'cancelled' })
      return sendPage(
        response,
        pages(response.req).leadBack({ url: answerUrl(asked, issuer, { error: 'access_denied' }) }),
      )
    }
    const code = randomBytes(32).toString('base64url')
    const { redirectUri, challenge } = asked
    await codes.put(code, { sessionId: request.sessionID, redirectUri, challenge }, codeSeconds)
    sendPage(response, pages(response.req).leadBack({ url: answerUrl(asked, issuer, { code }) }))
  }
}

const fieldsOf = ({ redirectUri, state, challenge }: AuthorizeRequest) => ({
  client_id: clientId,
  redirect_uri: redirectUri,
  state,
  code_challenge: challenge,
  code_challenge_method: 'S256',
})

const authorizeUrl = (publicUrl: string, asked: AuthorizeRequest): string =>
  `${publicUrl}${grantsPath}/authorize?${new URLSearchParams(fieldsOf(asked))}`

/** Throws `ERR_GRANT_REQUEST_INVALID`, which is a page here: nothing is sent to an address that did not pass. */
function readRequest(
  parameters: unknown,
  exchange: Exchange,
  { audit }: Pick<GrantDependencies, 'audit'>,
): AuthorizeRequest {
  try {
    return parseAuthorize(parameters as Parameters)
  } catch (error) {
    if (!(error instanceof GrantError)) throw error
    const reason: GrantRefusal = error instanceof RedirectError ? 'redirect-uri' : 'request'
    audit.write({ event: 'grant.refused', ...auditFields(exchange), reason })
    throw new OperationalError('ERR_GRANT_REQUEST_INVALID', error.description)
  }
}
