/**
 * A workload that calls a cluster with a token of `POST /token` (`audience=kube:<cluster>`): what it is called there, and when
 * its calls may not go on.
 */
import type { Machine } from '../../rbac/identity.ts'
import type { CredentialFacts } from '../audit/access-event.ts'
import type { EndReason, Watched } from '../sessions/endings/watched.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'
import type { Refusal, Subject } from './gateway/gateway-call.ts'
import { sessionExtra } from './person.ts'

/** Who is known by a token that hangs on no login session. */
export interface KnownWorkload {
  readonly workload: Machine
  /** As rows name it. */
  readonly name: string
  readonly tokenId: string
  readonly credential: CredentialFacts
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number
  /** Whether the token, and all that it was made from, were not revoked. Throws or rejects when nobody can tell. */
  readonly stands: () => ValueOrPromise<boolean>
}

/**
 * Threat: an account of one cluster taken for the account of another that is called alike, or for a person. So it is called
 * as in rows, with where it is from: `service-account:prod/ci/deployer`; no person is ever called so (`requireOwnNames`), and it
 * is in no group. The id of the token stands where that of a session stands for people: it joins both logs.
 */
export const workloadInCluster = ({ name, tokenId }: KnownWorkload): Subject => ({
  user: name,
  groups: [],
  extra: { [sessionExtra]: [tokenId] },
})

/** @param isAllowed whether the policy in force lets the call go on; it is asked often */
export function watchedToken({ stands, expiresAtMs }: KnownWorkload, isAllowed: () => boolean): Watched {
  return {
    async look() {
      if (!(await stands())) return undefined
      return isAllowed() ? { endsAt: expiresAtMs, handles: [] } : 'withdrawn'
    },
  }
}

export const anotherToken = 'get another token: sallyport token --cluster'
const ended = (message: string): Refusal => ({ status: 401, reason: 'Unauthorized', message, advice: anotherToken })

export const endingsOfToken: Readonly<Record<EndReason, Refusal>> = {
  ended: ended('the token was revoked, or one that it was made from'),
  expired: ended('the token has expired'),
  withdrawn: { status: 403, reason: 'Forbidden', message: 'the policy has changed, and allows this no more' },
  unknown: {
    status: 503,
    reason: 'ServiceUnavailable',
    message: 'whether the token still stands cannot be told',
    advice: 'try again',
  },
}
