/** What was found out about a token. */
import type { HostAcceptance } from '../../app/identity/bearer-token.ts'
import type { InspectedToken } from '../../app/identity/token/inspect-token.ts'
import type { CallExplanation } from '../../rbac/asking/calls/explain-call.ts'
import type { Machine, User } from '../../rbac/identity.ts'

/** `unknown`: nothing is wrong with it as far as one can see, and nobody knows who signed. */
export type Verdict = 'accepted' | 'refused' | 'unknown'

export interface Inspection {
  readonly verdict: Verdict
  /** In the words of the service; empty when it is accepted. */
  readonly reasons: readonly Reason[]
  /** Absent for what is no token. */
  readonly token?: InspectedToken
  /** As the host takes it; absent without a host, or where the host takes none. */
  readonly acceptance?: HostAcceptance
  readonly host?: string
  /** Names of the issuers that are configured. */
  readonly known: readonly string[]
  /** Hosts of the configuration that take tokens of the issuer. */
  readonly takenOn: readonly string[]
  /** Whom it would stand for. */
  readonly identity?: Machine | User
  /** Seconds since the epoch. */
  readonly now: number
  readonly policy?: CallExplanation
}

export interface Reason {
  /** A code of the closed lists of tokens and challenges; `keys`, `host` and `own` where no token is to blame. */
  readonly reason: string
  readonly message: string
}
