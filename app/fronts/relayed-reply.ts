/** Refusals for proxies that relay every answer which is no allow to the client as it is. */
import type { VerifyResult } from '../verify.ts'
import type { FrontSettings, ParsedSubrequest, Reply } from './front.ts'
import { bearerFields, credentialReply, jsonReply, ownHeaders, pageReply, redirectReply, tokenReply } from './reply.ts'

type RefusalPages = Pick<FrontSettings, 'deniedPages' | 'formPages'>

/** Of a result that is no allow: a redirect to the login or a page for a browser, JSON for everybody else. */
export function relayedReply(result: VerifyResult, parsed: ParsedSubrequest, pages: RefusalPages): Reply {
  if (result.decision.effect === 'challenge') {
    if (result.credential !== undefined) return credentialReply(result, [])
    const loginUrl = result.loginUrl ?? ''
    if (parsed.isForm) {
      const page = pages.formPages(parsed, loginUrl, result.requestId)
      return pageReply(401, page, [...ownHeaders(result), 'Location', loginUrl])
    }
    return parsed.isInteractive
      ? redirectReply(loginUrl, ownHeaders(result))
      : jsonReply(401, result, ['Location', loginUrl, ...bearerFields(result.bearerChallenge)])
  }
  if (result.credential !== undefined) return tokenReply(403, result, [])
  return parsed.isInteractive || parsed.isForm
    ? pageReply(403, pages.deniedPages(result.identity, parsed, result.requestId), ownHeaders(result))
    : jsonReply(403, result, [])
}
