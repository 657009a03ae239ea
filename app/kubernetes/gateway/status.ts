/**
 * Refusals as Kubernetes' clients read them: a `Status` object, except where they print plain text alone.
 *
 * kubectl prints "unknown" for a 403 on discovery unless it comes as `text/plain`.
 */
import { OperationalError } from '../../errors.ts'
import type { Refusal } from './gateway-call.ts'

/** The versions and what is in them: `/api`, `/apis`, groups and their versions, `/openapi`, `/version`. */
const discovery = /^\/(?:api(?:\/[^/]+)?|apis(?:\/[^/]+){0,2}|openapi(?:\/.*)?|version)\/?$/

export const pathOf = (target: string): string => {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

export const isDiscovery = (target: string): boolean => discovery.test(pathOf(target))

/** The sentence, the advice, and the id by which both logs know the call. */
export const sentenceOf = ({ message, advice }: Refusal, requestId: string): string =>
  `${message}${advice === undefined ? '' : `; ${advice}`} (request ${requestId})`

export interface StatusObject {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Record<string, never>
  readonly status: 'Failure'
  readonly message: string
  readonly reason: string
  readonly code: number
}

export const statusOf = (refusal: Refusal, requestId: string): StatusObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: sentenceOf(refusal, requestId),
  reason: refusal.reason,
  code: refusal.status,
})

export interface RefusalText {
  readonly type: string
  readonly body: string
}

/** `target`: behind the cluster's name; empty where the call did not get that far. */
export function textOf(refusal: Refusal, requestId: string, target: string): RefusalText {
  if (refusal.status === 403 && isDiscovery(target))
    return { type: 'text/plain; charset=utf-8', body: `${sentenceOf(refusal, requestId)}\n` }
  return { type: 'application/json', body: `${JSON.stringify(statusOf(refusal, requestId))}\n` }
}

/** Kubernetes' names for a status. */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  413: 'RequestEntityTooLarge',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

export const refusal = (status: number, message: string, advice?: string): Refusal => ({
  status,
  reason: reasons[status] ?? 'InternalError',
  message,
  ...(advice !== undefined && { advice }),
})

/** Threat: a judge that fails and a call that passes. What is not expected says nothing about the inside. */
export const refusalOf = (error: unknown): Refusal =>
  error instanceof OperationalError
    ? refusal(error.status, error.sentence)
    : refusal(500, 'The gateway failed to decide about this call.')
