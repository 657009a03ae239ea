/**
 * Did the login deliver what was asked (OpenID Connect Core 1.0 section 3.1.2.1, `max_age` and `acr_values`; RFC 8176,
 * `amr`)?
 *
 * A provider may ignore all of it. Sending the person back would challenge again at once, and again: so a login that
 * does not deliver ends on a page, which says what was asked and what came back.
 */
import { clockSkewSeconds, keptSkewSeconds } from '../../../rbac/clock-skew.ts'
import type { User } from '../../../rbac/identity.ts'
import { OperationalError } from '../../errors.ts'
import type { LoginWish } from '../attempts.ts'

/** What a login is measured by. */
export type Delivered = Pick<User, 'authTime' | 'amr' | 'acr'>

/** The login is not what was asked for. */
export class StepUpError extends OperationalError {
  readonly delivered: Delivered
  constructor(detail: string, delivered: Delivered) {
    super('ERR_LOGIN_STEP_UP_FAILED', detail)
    this.name = 'StepUpError'
    this.delivered = delivered
  }
}

/** A session that satisfies the wish already, so that the provider need not be asked. */
export function satisfies(wish: LoginWish, user: Delivered, nowSeconds: number): boolean {
  const { maxAgeSeconds } = wish
  if (!isOfClass(wish, user) || !hasMethods(wish, user)) return false
  if (maxAgeSeconds === undefined) return true
  if (user.authTime === undefined) return false
  const age = nowSeconds - user.authTime
  // Strictly less: a login that is just too old for a rule would come back from here unchanged. So would one of the future.
  return age >= -keptSkewSeconds && age < maxAgeSeconds
}

/**
 * Throws `StepUpError`. `max_age=0` means a login since the attempt began, because no login is ever younger than
 * nothing.
 */
export function requireStepUp(
  attempt: LoginWish & { readonly startedAt: number },
  user: Delivered,
  nowSeconds: number,
): void {
  const missing = [
    ...(isOfClass(attempt, user) ? [] : ['acr']),
    ...(hasMethods(attempt, user) ? [] : ['amr']),
    ...(isYoungEnough(attempt, user, nowSeconds) ? [] : ['auth_time']),
  ]
  if (missing.length === 0) return
  throw new StepUpError(`not as asked: ${missing.join(', ')}`, user)
}

const isOfClass = ({ acrValues = [] }: LoginWish, { acr }: Delivered): boolean =>
  acrValues.length === 0 || (acr !== undefined && acrValues.includes(acr))

const hasMethods = ({ methods = [] }: LoginWish, { amr = [] }: Delivered): boolean =>
  methods.every(list => list.some(method => amr.includes(method)))

function isYoungEnough(
  { maxAgeSeconds, startedAt }: LoginWish & { readonly startedAt: number },
  { authTime }: Delivered,
  nowSeconds: number,
): boolean {
  if (maxAgeSeconds === undefined) return true
  const oldest = maxAgeSeconds === 0 ? startedAt - clockSkewSeconds : nowSeconds - maxAgeSeconds
  return authTime !== undefined && authTime >= oldest && authTime <= nowSeconds + keptSkewSeconds
}
