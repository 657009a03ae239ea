/** Answers that every dialect shares. All of them are small, uncacheable, and say nothing about the policy. */
import { challengeReasons, denyReasons } from '../../rbac/decision.ts'
import type { Page } from '../pages/pages.ts'
import type { VerifyResult } from '../verify.ts'
import type { Fields, Reply } from './front.ts'

const noStore: Fields = Object.freeze(['Cache-Control', 'no-store'])
const jsonContent: Fields = Object.freeze(['Content-Type', 'application/json'])
const problemContent: Fields = Object.freeze(['Content-Type', 'application/problem+json'])
const noReferrer: Fields = Object.freeze(['Referrer-Policy', 'no-referrer'])
const pageContent: Fields = Object.freeze([
  'Content-Type',
  'text/html; charset=utf-8',
  'X-Content-Type-Options',
  'nosniff',
  'X-Frame-Options',
  'DENY',
  'Referrer-Policy',
  'no-referrer',
])

const ofReader: Fields = Object.freeze(['Vary', 'Accept-Language'])
const none: Fields = Object.freeze([])

/** 200 with every identity header, so that a client's own copy is always overwritten. */
export function allowReply(result: VerifyResult, extra: Fields): Reply {
  return { status: 200, headers: [noStore, ownHeaders(result), result.identityHeaders, extra], body: '' }
}

/** A refusal for programs. */
export function jsonReply(status: 401 | 403, result: VerifyResult, extra: Fields): Reply {
  const error = status === 401 ? 'authentication-required' : 'access-denied'
  return problemReply(status, { error, requestId: result.requestId }, [ownHeaders(result), extra])
}

/** What is wrong, for a program to read. */
export function problemReply(
  status: number,
  problem: Readonly<Record<string, string>>,
  extra: readonly Fields[],
): Reply {
  return { status, headers: [noStore, jsonContent, ...extra], body: `${JSON.stringify(problem)}\n` }
}

/** The challenge for a program, where tokens are taken. */
export const bearerFields = (challenge: string | undefined): Fields =>
  challenge === undefined ? [] : ['WWW-Authenticate', challenge]

/** A challenge for whoever came with a token or a password, as `tokenReply`. `extra`: beside a 403. */
export function credentialReply(result: VerifyResult, extra: Fields): Reply {
  // Another login would make another token, and no other password: programs throw one away that was answered with 401.
  const isPassword = result.credential?.credential === 'application-password'
  return isPassword ? tokenReply(403, result, extra) : tokenReply(401, result, [])
}

/** A refusal for whoever came with a token: never a page, never a way to one. */
export function tokenReply(status: 401 | 403, result: VerifyResult, extra: Fields): Reply {
  const { decision, requestId, bearerChallenge } = result
  const reason = 'reason' in decision ? decision.reason : ''
  const actor = decision.effect === 'deny' ? decision.deniedActor : undefined
  return reasonReply(status, { reason, actor, requestId }, [ownHeaders(result), bearerFields(bearerChallenge), extra])
}

const reasons: Readonly<Record<string, string>> = { ...challengeReasons, ...denyReasons }

interface Reason {
  readonly reason: string
  readonly requestId: string
  /** Who acts with the token and is denied; its `act` names them. */
  readonly actor?: string | undefined
}

/** Problem details (RFC 9457). `reason`: a code of the closed lists of the policy; of any other one nothing is said. */
export function reasonReply(status: 401 | 403, { reason, requestId, actor }: Reason, extra: readonly Fields[]): Reply {
  const detail = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined
  const told = { ...(detail !== undefined && { detail, reason }), ...(actor !== undefined && { actor }) }
  return detailsReply(status, { ...told, requestId }, extra)
}

const titles: Readonly<Record<number, string>> = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden' }

/** Problem details (RFC 9457) of no type of their own. */
export function detailsReply(
  status: number,
  members: Readonly<Record<string, string>>,
  extra: readonly Fields[],
): Reply {
  const problem = { type: 'about:blank', title: titles[status] ?? 'Error', status, ...members }
  return { status, headers: [noStore, problemContent, ...extra], body: `${JSON.stringify(problem)}\n` }
}

/** A page for people. */
export function pageReply(status: number, page: Page, extra: Fields): Reply {
  const policy: Fields = ['Content-Security-Policy', page.contentSecurityPolicy]
  const varies = page.isOfReader === true ? ofReader : none
  return { status, headers: [noStore, pageContent, policy, varies, extra], body: page.html }
}

export function redirectReply(location: string, extra: Fields): Reply {
  return { status: 302, headers: [noStore, noReferrer, ['Location', location], extra], body: '' }
}

const requestIdName = 'X-Sallyport-Request-Id'

/** In every reply, as the first of its list. */
export function requestIdHeader(requestId: string): Fields {
  return [requestIdName, requestId]
}

/** Of a reply that was made; empty if it tells none. */
export function requestIdOf({ headers }: Reply): string {
  return headers.find(([name]) => name === requestIdName)?.[1] ?? ''
}

/** The request id, and the cookie that a result may set. */
export function ownHeaders({ requestId, setCookie }: VerifyResult): Fields {
  const own = requestIdHeader(requestId)
  return setCookie === undefined ? own : [...own, 'Set-Cookie', setCookie]
}
