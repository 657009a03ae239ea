/** Answers that every dialect shares. All of them are small, uncacheable, and say nothing about the policy. */
import type { Page } from '../pages/pages.ts'
import type { VerifyResult } from '../verify.ts'
import type { Reply } from './front.ts'

/** 200 with every identity header, so that a client's own copy is always overwritten. */
export function allowReply(result: VerifyResult, extra: readonly string[]): Reply {
  const headers = common(result)
  // One list from the start: to join four would copy each of them again.
  for (const text of result.identityHeaders) headers.push(text)
  for (const text of extra) headers.push(text)
  return replyWith(200, headers, '')
}

/** A refusal for programs. */
export function jsonReply(status: 401 | 403, result: VerifyResult, extra: readonly string[]): Reply {
  const error = status === 401 ? 'authentication-required' : 'access-denied'
  const headers = [...common(result), 'Content-Type', 'application/json', ...extra]
  return replyWith(status, headers, `${JSON.stringify({ error, requestId: result.requestId })}\n`)
}

/** A page for people. */
export function pageReply(status: number, page: Page, extra: readonly string[]): Reply {
  return replyWith(status, [...noStore, ...pageHeaders(page), ...extra], page.html)
}

export function redirectReply(location: string, extra: readonly string[]): Reply {
  return replyWith(302, [...noStore, 'Location', location, 'Referrer-Policy', 'no-referrer', ...extra], '')
}

/** `headers` without its length; the list becomes part of the reply. */
export function replyWith(status: number, headers: string[], body: string): Reply {
  headers.push('Content-Length', body === '' ? '0' : String(Buffer.byteLength(body)))
  return { status, headers, body }
}

const noStore: readonly string[] = ['Cache-Control', 'no-store']

export function requestIdHeader(requestId: string): readonly string[] {
  return ['X-Sallyport-Request-Id', requestId]
}

function common({ requestId, setCookie }: VerifyResult): string[] {
  const headers = ['Cache-Control', 'no-store', 'X-Sallyport-Request-Id', requestId]
  if (setCookie !== undefined) headers.push('Set-Cookie', setCookie)
  return headers
}

function pageHeaders(page: Page): readonly string[] {
  return [
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Security-Policy',
    page.contentSecurityPolicy,
    'X-Content-Type-Options',
    'nosniff',
    'X-Frame-Options',
    'DENY',
    'Referrer-Policy',
    'no-referrer',
  ]
}
