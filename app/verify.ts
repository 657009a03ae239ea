/** The one use case: authenticate, decide, assert, audit. */
import type { AccessRequest } from '../rbac/access-request.ts'
import type { Decision } from '../rbac/decision.ts'
import type { Identity } from '../rbac/identity.ts'

/** What the fronts render. */
export interface VerifyResult {
  readonly requestId: string
  readonly request: AccessRequest
  readonly identity: Identity
  readonly decision: Decision
  /** Headers for the upstream, on every allow, empty where unknown; never on anything else. */
  readonly identityHeaders: readonly string[]
  /** The session cookie that came is worthless and has to be cleared. */
  readonly clearCookie: boolean
  /** Where an interactive challenge goes; absent unless the effect is challenge. */
  readonly loginUrl?: string
  /** At most one Set-Cookie value. */
  readonly setCookie?: string
}
