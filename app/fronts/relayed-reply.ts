/** Refusals for proxies that relay every answer which is no allow to the client as it is. */
import type { VerifyResult } from '../verify.ts'
import type { DeniedPages } from './denied-pages.ts'
import type { ParsedSubrequest, Reply } from './front.ts'
import { bearerFields, credentialReply, jsonReply, ownHeaders, pageReply, redirectReply, tokenReply } from './reply.ts'

/** Of a result that is no allow: a redirect to the login or a page for a browser, JSON for everybody else. */
export function relayedReply(result: VerifyResult, parsed: ParsedSubrequest, deniedPages: DeniedPages): Reply {
  if (result.decision.effect === 'challenge') {
    if (result.credential !== undefined) return credentialReply(result, [])
    const loginUrl = result.loginUrl ?? ''
    return parsed.isInteractive
      ? redirectReply(loginUrl, ownHeaders(result))
      : jsonReply(401, result, ['Location', loginUrl, ...bearerFields(result.bearerChallenge)])
  }
  if (result.credential !== undefined) return tokenReply(403, result, [])
  return parsed.isInteractive
    ? pageReply(403, deniedPages(result.identity, result.request, result.requestId), ownHeaders(result))
    : jsonReply(403, result, [])
}
