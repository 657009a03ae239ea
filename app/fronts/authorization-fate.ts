/**
 * What becomes of the credential of an allowed request, where the front can say so.
 *
 * Threat: an application that is sent the token, or the password, with which somebody was let in, and uses it at another host that
 * takes the same.
 */
import type { VerifyResult } from '../verify.ts'
import type { FrontSettings } from './front.ts'

/** Whether the application gets the `Authorization` header of the answer in the place of the client's. */
export const givesAuthorization = ({ identityHeaders }: VerifyResult): boolean =>
  identityHeaders.at(-2) === 'Authorization'

/**
 * Lower-case name of the header with the credential, which is not for the application; `undefined` where there was none, or another
 * one stands in its place. What came beside a certificate was not for us.
 */
export function takenHeader(result: VerifyResult, { tokenHeaderOn }: FrontSettings): string | undefined {
  const { credential, request } = result
  if (credential === undefined || credential.credential === 'client-certificate') return undefined
  const isPassword = credential.credential === 'application-password'
  const own = isPassword ? undefined : tokenHeaderOn?.(request.domain)
  if (own !== undefined) return own
  return givesAuthorization(result) ? undefined : 'authorization'
}
