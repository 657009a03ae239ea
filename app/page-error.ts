/** Failures of Express, of body-parser and of our own handlers as operational errors. */
import { type ErrorCode, OperationalError } from './errors.ts'

/** Statuses that body-parser and Express give a client's own mistakes, where they have a code of their own. */
const mistakes: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [413, 'ERR_BODY_TOO_LARGE'],
  [415, 'ERR_BODY_UNSUPPORTED'],
])

/**
 * What a handler of a page failed with, as an operational error. body-parser and Express mark a client's own mistakes
 * with a status below 500 and a type out of a closed list; their messages quote the client and are left out.
 */
export function asPageError(error: unknown): OperationalError {
  if (error instanceof OperationalError) return error
  const { status, type } = (error ?? {}) as { readonly status?: unknown; readonly type?: unknown }
  if (typeof status !== 'number' || status < 400 || status >= 500) {
    return new OperationalError('ERR_INTERNAL', 'a page failed', { cause: error })
  }
  const detail = typeof type === 'string' && /^[a-z.]{1,40}$/.test(type) ? type : 'a part of it cannot be decoded'
  return new OperationalError(mistakes.get(status) ?? 'ERR_REQUEST_MALFORMED', detail)
}
