/**
 * Why an issuer gave no answer that can be used, without a word of its own.
 *
 * Threat: a call that carried a token or a credential fails, and the error goes to the log. An issuer may say the token again in
 * its answer, and libraries put that into their errors. So the status and the codes of the libraries are all that is kept.
 */
export class IssuerFault extends Error {
  /** Whether it did not answer at all, or not for anybody: its answer to another question would be the same. */
  readonly isSilence: boolean
  constructor(status: number | undefined, code?: string) {
    const what = status === undefined ? 'no answer' : `the answer has the status ${status}`
    super(code === undefined ? what : `${what} (${code})`)
    this.name = 'IssuerFault'
    this.isSilence = status === undefined || status >= 500
  }
}

/** @param status of a whole answer that came */
export const faultOf = (error: unknown, status?: number): IssuerFault => new IssuerFault(status, codeIn(error))

const plainCode = /^[A-Z][A-Z0-9_]{1,63}$/
const deepest = 5

/** That of the innermost error which has one; a cause that is no error may be what the issuer said. */
function codeIn(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth >= deepest) return undefined
  const { code, name } = error as Error & { readonly code?: unknown }
  const own = typeof code === 'string' && plainCode.test(code) ? code : undefined
  return codeIn(error.cause, depth + 1) ?? own ?? (name === 'TimeoutError' || name === 'AbortError' ? name : undefined)
}
