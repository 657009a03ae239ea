/** What ends a request before anybody has read it: a closed list, for answers, metrics and the log. */
import type { ErrorCode } from './errors.ts'

/** What can be wrong with a request before somebody reads it, or with its connection. */
export const clientErrors = {
  'headers-too-large': 'ERR_HEADERS_TOO_LARGE',
  'headers-too-many': 'ERR_HEADERS_TOO_LARGE',
  'body-malformed': 'ERR_REQUEST_MALFORMED',
  malformed: 'ERR_REQUEST_MALFORMED',
  'timed-out': 'ERR_REQUEST_TIMED_OUT',
  'connections-too-many': undefined,
} as const satisfies Record<string, ErrorCode | undefined>

export type ClientError = keyof typeof clientErrors
