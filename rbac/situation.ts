/** What is decided about. */
import type { Context } from './context.ts'
import type { Identity, Machine, User } from './identity.ts'
import type { AccessRequest } from './request/access-request.ts'

/** Who asks for what, and under which circumstances: everything that a decision depends on, beside the policy. */
export interface Situation {
  readonly request: AccessRequest
  readonly identity: Identity
  readonly context: Context
  /** Those who act for `identity`, in any order: what a row denies to one of them is denied. Default none. */
  readonly actors?: readonly (Machine | User)[] | undefined
}
