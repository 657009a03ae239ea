/**
 * A failure as one line for the log.
 *
 * The causes of protocol errors hold what was sent and received: codes, tokens, claims. So only the outermost message,
 * or the name of the check that failed, and the codes of the causes (ECONNREFUSED and the like) are taken.
 */
import { describeCheck } from './failed-check.ts'

export function describeError(error: unknown): string {
  let text = error instanceof Error ? messageOf(error) : 'unknown failure'
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth += 1) {
    const code = 'code' in cause ? cause.code : undefined
    if (typeof code === 'string' && !text.includes(code)) text = `${text} (${code})`
  }
  return shorten(text)
}

/** What openid-client says of every failed check is the same. */
const messageOf = (error: Error): string =>
  (error.name === 'ClientError' ? describeCheck(error) : undefined) ?? error.message

/** No control characters, no novels. */
export const shorten = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ').slice(0, 300)
