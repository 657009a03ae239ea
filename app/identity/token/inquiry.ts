/** What an issuer says about a token now, where it is asked and not only its keys. */
import type { Claims } from './read-token.ts'

/** One token that is asked about. */
export interface AskedToken {
  readonly token: string
  /** Whom it has to be for. */
  readonly audience: string
  /** Whether the issuer vouched for it before. */
  readonly wasGood: boolean
}

/** Both reject with `TokenRefused`, or with `ERR_ISSUER_UNAVAILABLE` when the issuer cannot say. */
export interface Inquiry {
  /** For how long an answer counts, in milliseconds. */
  readonly countsForMs: number
  /** What an opaque token stands for, as claims. Absent: such tokens of this issuer count for nothing. */
  readonly describe?: (asked: AskedToken) => Promise<Claims>
  /** Whether a JWT, which was found to be good by the keys and says this, still counts. Absent: the keys are enough. */
  readonly confirm?: (asked: AskedToken, claims: Claims) => Promise<void>
}
