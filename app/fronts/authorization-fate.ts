/**
 * What becomes of the `Authorization` header of an allowed request, where the front can say so.
 *
 * Threat: an application that is sent the token, or the password, with which somebody was let in, and uses it at another host that
 * takes the same.
 */
import type { VerifyResult } from '../verify.ts'

/**
 * `given`: the application gets that of the answer. `taken`: none, as it was a credential for us; what came beside a certificate
 * was not. `undefined`: it is the application's own.
 */
export function fateOfAuthorization({ credential, identityHeaders }: VerifyResult): 'given' | 'taken' | undefined {
  if (identityHeaders.at(-2) === 'Authorization') return 'given'
  return credential === undefined || credential.credential === 'client-certificate' ? undefined : 'taken'
}
