/**
 * NGINX `auth_request` (ngx_http_auth_request_module): the original request is in X-Original-URL and X-Original-Method.
 *
 * NGINX takes 2xx as allow, 401 and 403 as deny and turns everything else into 500. It cannot follow a redirect itself:
 * `X-Sallyport-Redirect` says where an interactive client is to be sent, and the configuration sends it.
 */
import type { AccessRequest, CanonicalOptions } from '../../rbac/request/access-request.ts'
import type { VerifyResult } from '../verify.ts'
import { givesAuthorization, takenHeader } from './authorization-fate.ts'
import type { Fields, FrontKind, FrontSettings, ParsedSubrequest, Reply } from './front.ts'
import { admit, createDialectReader, describeSubrequest, readOriginalUrl } from './original-request.ts'
import type { SubrequestHeaders } from './raw-headers.ts'
import { allowReply, bearerFields, credentialReply, jsonReply, tokenReply } from './reply.ts'

const dialect = ['x-original-method', 'x-original-url'] as const
type DialectHeaders = SubrequestHeaders<(typeof dialect)[number]>

export const authRequest = {
  name: 'auth-request',
  // It cannot relay what stands in the answer to a check.
  isRoutedHere: true,
  create(settings) {
    const read = createDialectReader(dialect)
    return {
      name: 'auth-request',
      parse: subrequest => {
        const headers = admit(subrequest, read, settings)
        return describeSubrequest(headers, readRequest(headers, settings.canonical), settings)
      },
      render: (result, parsed) => render(result, parsed, settings),
    }
  },
} as const satisfies FrontKind

const readRequest = (headers: DialectHeaders, options: CanonicalOptions): AccessRequest =>
  readOriginalUrl(headers.required('x-original-method'), headers.required('x-original-url'), options)

function render(result: VerifyResult, parsed: ParsedSubrequest, settings: FrontSettings): Reply {
  switch (result.decision.effect) {
    case 'allow':
      // The configuration hands this to the application instead of the client's Cookie header.
      return allowReply(result, [
        'X-Sallyport-Cookie',
        result.upstreamCookie ?? '',
        ...authorizationOf(result, settings),
      ])
    case 'challenge': {
      if (result.credential !== undefined) return credentialReply(result, reasonOf(result.decision))
      const loginUrl = result.loginUrl ?? ''
      const redirect = parsed.isInteractive ? ['X-Sallyport-Redirect', loginUrl] : formOf(parsed)
      return jsonReply(401, result, ['Location', loginUrl, ...redirect, ...bearerFields(result.bearerChallenge)])
    }
    case 'deny':
      if (result.credential === undefined) return jsonReply(403, result, [])
      return tokenReply(403, result, reasonOf(result.decision))
  }
}

/** The configuration fetches the page for it, and hands the login address back. */
const formOf = ({ isForm }: ParsedSubrequest): Fields => (isForm ? ['X-Sallyport-Reason', 'form'] : [])

/** The configuration fetches the answer to a 403 for the client, and hands this back with its question. */
const reasonOf = ({ reason }: { readonly reason: string }): Fields => ['X-Sallyport-Reason', reason]

/** What becomes of the Authorization header, as NGINX cannot tell an empty header of an answer from none. */
function authorizationOf(result: VerifyResult, settings: FrontSettings): Fields {
  if (givesAuthorization(result)) return ['X-Sallyport-Bearer', 'given']
  return takenHeader(result, settings) === 'authorization' ? ['X-Sallyport-Bearer', 'taken'] : []
}
