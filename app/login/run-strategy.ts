/** passport's middleware for one request, as a promise: it settles once, with a login, a redirect, or an error. */
import { asOperational, OperationalError } from '../errors.ts'
import type { Exchange } from './arrival.ts'
import type { Authenticator } from './browser/session-middleware.ts'
import type { NewLogin } from './claims/login-tokens.ts'
import type { LoginOptions, ProviderStrategy } from './provider/strategy.ts'

/** Resolves with the login, or with `undefined` once the browser was sent to the provider. */
export function runStrategy(
  passport: Authenticator,
  strategy: ProviderStrategy,
  options: LoginOptions,
  { request, response }: Exchange,
): Promise<NewLogin | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (error: unknown, login?: NewLogin | false, info?: unknown) => {
      if (error) reject(asOperational(error, 'ERR_LOGIN_RESPONSE_INVALID', 'the response did not pass its checks'))
      else if (login) resolve(login)
      else reject(new OperationalError('ERR_LOGIN_RESPONSE_INVALID', detailOf(info)))
    }
    response.once('close', () => resolve(undefined))
    passport.authenticate(strategy.forRequest(), options, settle)(request, response, reject)
  })
}

/** passport hands on why a check failed as `{ message }`. */
function detailOf(info: unknown): string {
  const [first] = Array.isArray(info) ? info : [info]
  const message = typeof first === 'object' && first !== null && 'message' in first ? first.message : undefined
  return typeof message === 'string' ? message : 'the response did not pass its checks'
}
