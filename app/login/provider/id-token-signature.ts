/**
 * Who signed an ID token, and when (OpenID Connect Core 1.0 section 3.1.3.7, points 6 to 8). Its claims are openid-client's to
 * check; the signature is checked here, because a key that the provider has just begun to use has to be looked for at once.
 */
import { compactVerify } from 'jose'
import type { Configuration } from 'openid-client'
import { clockSkewSeconds } from '../../../rbac/clock-skew.ts'
import { OperationalError } from '../../errors.ts'
import { describeError } from './describe-error.ts'
import { describeCheck } from './failed-check.ts'
import type { ProviderKeys, TokenOrigin } from './provider-keys.ts'

/** With a shared secret every client of the provider could sign; with `none` everybody. */
const asymmetric = new Set([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
])

/** Those that the provider states, as far as only the provider can sign with them. Userinfo may have others. */
export function signingAlgorithms(configuration: Configuration, what: Signed = 'ID token'): readonly string[] {
  const metadata = configuration.serverMetadata()
  const { id_token_signing_alg_values_supported: usual = ['RS256'] } = metadata
  const { userinfo_signing_alg_values_supported: ofUserinfo = usual } = metadata
  const offered = what === 'userinfo' ? ofUserinfo : usual
  return offered.filter(algorithm => asymmetric.has(algorithm))
}

type Signed = 'ID token' | 'userinfo'

export interface SignatureOptions {
  readonly configuration: Configuration
  readonly keys: ProviderKeys
  readonly origin: TokenOrigin
  /** Default `ID token`. */
  readonly what?: Signed
}

/**
 * An ID token from the future is not one that was just issued. Throws `ERR_LOGIN_RESPONSE_INVALID`.
 * @param nowSeconds seconds since the epoch
 */
export function requireIssued({ iat }: { readonly iat: number }, nowSeconds: number): void {
  const aheadSeconds = Math.floor(iat - nowSeconds)
  if (aheadSeconds <= clockSkewSeconds) return
  const detail = `the claim iat is ${aheadSeconds} s ahead of our clock; ${clockSkewSeconds} s are allowed`
  throw new OperationalError('ERR_LOGIN_RESPONSE_INVALID', detail)
}

/** Rejects with `ERR_LOGIN_RESPONSE_INVALID`, or `ERR_PROVIDER_UNAVAILABLE` when the keys cannot be read. */
export async function requireSignature(idToken: string, options: SignatureOptions): Promise<void> {
  const { configuration, keys, origin, what = 'ID token' } = options
  const algorithms = [...signingAlgorithms(configuration, what)]
  try {
    await keys.verifyWith(origin, getKey => compactVerify(idToken, getKey, { algorithms }))
  } catch (error) {
    if (error instanceof OperationalError) throw error
    throw new OperationalError(
      'ERR_LOGIN_RESPONSE_INVALID',
      `the signature of the ${what}: ${describeCheck(error) ?? describeError(error)}`,
      {
        cause: error,
      },
    )
  }
}
