/**
 * What the start page lists: hosts with a title that a login may open now.
 *
 * Threat: a list that tells of a host, or that it is there, to somebody whom it does not let in. So each is decided about as its
 * check would be, for a GET of its first page, with no more than is known here: only an allow counts. What a condition wants to
 * know of headers, of a certificate or of a decider outside is not known, which opens nothing.
 */
import type { Decision } from '../../rbac/decision.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import type { Situation } from '../../rbac/situation.ts'
import type { ListedApplication } from '../pages/pages.ts'

export interface Application {
  readonly title: string
  /** Its first page, canonical. */
  readonly request: AccessRequest
}

export interface ApplicationsOptions {
  readonly applications: readonly Application[]
  readonly decide: (situation: Situation) => Decision
  /** Seconds since the epoch. */
  readonly now: () => number
}

/** Who is logged in, as one of the hosts would see them; `undefined`: not as they are. */
export type SeenOn = (domain: string) => Promise<Identity | undefined>

/** However many there are, so many are looked at for one page. */
export const mostLookedAt = 200

export interface ListedApplications {
  readonly list: readonly ListedApplication[]
  /** There are some that were not looked at. */
  readonly hasMore: boolean
}

export function createApplications({ applications, decide, now }: ApplicationsOptions) {
  const lookedAt = applications.slice(0, mostLookedAt)
  const hasMore = applications.length > lookedAt.length
  return async (seenOn: SeenOn, clientAddress: string | undefined): Promise<ListedApplications> => {
    const list: ListedApplication[] = []
    for (const { title, request } of lookedAt) {
      const identity = await seenOn(request.domain)
      if (identity === undefined) continue
      const decision = decide({ request, identity, context: { now: now(), clientAddress } })
      if (decision.effect === 'allow') list.push({ title, url: request.url })
    }
    return { list, hasMore }
  }
}
