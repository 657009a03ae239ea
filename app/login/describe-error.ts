/**
 * A failure as one line for the log.
 *
 * The causes of protocol errors hold what was sent and received: codes, tokens, claims. So only the outermost message
 * and the codes of the causes (ECONNREFUSED and the like) are taken.
 */
export function describeError(error: unknown): string {
  let text = error instanceof Error ? error.message : 'unknown failure'
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth += 1) {
    const code = 'code' in cause ? cause.code : undefined
    if (typeof code === 'string' && !text.includes(code)) text = `${text} (${code})`
  }
  return shorten(text)
}

/** No control characters, no novels. */
export const shorten = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ').slice(0, 200)
