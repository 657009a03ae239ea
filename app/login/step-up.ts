/**
 * Did the login deliver what was asked (OpenID Connect Core 1.0 section 3.1.2.1, `max_age` and `acr_values`)?
 *
 * A provider may ignore both. Sending the person back would challenge again at once, and again: so a login that does
 * not deliver ends on a page.
 */
import type { User } from '../../rbac/identity.ts'
import { OperationalError } from '../errors.ts'
import type { LoginIntent } from './attempts.ts'

type Requirement = Pick<LoginIntent, 'maxAgeSeconds' | 'acrValues'>

/** Clocks of two machines differ. */
const MAX_CLOCK_SKEW_SECONDS = 30

/** A session that satisfies the requirement already, so that the provider need not be asked. */
export function satisfies(requirement: Requirement, user: User, nowSeconds: number): boolean {
  const { maxAgeSeconds, acrValues = [] } = requirement
  if (acrValues.length > 0 && !acrValues.includes(user.acr ?? '')) return false
  // Strictly less: a login that is just too old for a rule would come back from here unchanged.
  return maxAgeSeconds === undefined || (user.authTime !== undefined && nowSeconds - user.authTime < maxAgeSeconds)
}

/**
 * Throws `ERR_LOGIN_STEP_UP_FAILED`. `max_age=0` means a login since the attempt began, because no login is ever
 * younger than nothing.
 */
export function requireStepUp(
  attempt: Requirement & { readonly startedAt: number },
  user: User,
  nowSeconds: number,
): void {
  const { maxAgeSeconds, acrValues = [] } = attempt
  if (acrValues.length > 0 && !acrValues.includes(user.acr ?? '')) {
    throw failed(`acr is ${user.acr ?? 'absent'}, asked for was ${acrValues.join(' or ')}`)
  }
  if (maxAgeSeconds === undefined) return
  if (user.authTime === undefined) throw failed('auth_time is absent')
  const oldest = maxAgeSeconds === 0 ? attempt.startedAt - MAX_CLOCK_SKEW_SECONDS : nowSeconds - maxAgeSeconds
  if (user.authTime < oldest)
    throw failed(`auth_time is ${nowSeconds - user.authTime} s ago, asked for was ${maxAgeSeconds} s`)
}

const failed = (detail: string) => new OperationalError('ERR_LOGIN_STEP_UP_FAILED', detail)
