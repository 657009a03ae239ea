/** What was found out about a token, or a client certificate. */
import type { X509Certificate } from 'node:crypto'
import type { HostAcceptance } from '../../app/identity/bearer-token.ts'
import type { InspectedToken } from '../../app/identity/token/inspect-token.ts'
import type { CallExplanation } from '../../rbac/asking/calls/explain-call.ts'
import type { Machine, User } from '../../rbac/identity.ts'

/** `unknown`: nothing is wrong with it as far as one can see, and nobody knows who signed. */
export type Verdict = 'accepted' | 'refused' | 'unknown'

/** Of a credential of whatever kind. */
export interface Found {
  readonly verdict: Verdict
  /** In the words of the service; empty when it is accepted. */
  readonly reasons: readonly Reason[]
  readonly host?: string
  /** Hosts of the configuration that take credentials of whoever issued it. */
  readonly takenOn: readonly string[]
  /** Whom it would stand for. */
  readonly identity?: Machine | User
  /** Seconds since the epoch. */
  readonly now: number
  readonly policy?: CallExplanation
}

export interface CertificateInspection extends Found {
  readonly certificate: X509Certificate
  /** SHA-256, as conditions have it. */
  readonly fingerprint: string
  /** Names of the authorities that the host takes; absent without a host, or where the host takes none. */
  readonly takes?: readonly string[]
  /** Names of the authorities that are configured. */
  readonly known: readonly string[]
}

export interface Inspection extends Found {
  /** Absent for what is no token. */
  readonly token?: InspectedToken
  /** As the host takes it; absent without a host, or where the host takes none. */
  readonly acceptance?: HostAcceptance
  /** Names of the issuers that are configured. */
  readonly known: readonly string[]
}

export interface Reason {
  /** A code of the closed lists of tokens, certificates and challenges; `keys`, `host`, `header` and `own` where neither is to blame. */
  readonly reason: string
  readonly message: string
}
