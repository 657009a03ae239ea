/** What an inventory is made of. */
import type { Excess } from '../excess/excess.ts'
import type { Grants } from '../grant.ts'
import type { ClusterObjects } from '../objects.ts'
import type { SubjectId } from '../subject.ts'
import type { Usage } from '../usage/usage.ts'
import type { InventoriedIdentity, NotedTokens } from './identity.ts'
import type { ReachSummary } from './reach-summary.ts'

export interface InventorySources {
  readonly objects: ClusterObjects
  readonly grants: Grants
  readonly usage: Usage
  readonly excess: Excess
  /** What Sallyport's configuration, policy and admin listener name. */
  readonly own: readonly InventoriedIdentity[]
  readonly notedTokens?: NotedTokens
  readonly reach: (subject: SubjectId) => ReachSummary
}

export interface InventoryChoice {
  /** Seconds since the epoch. */
  readonly now: number
  /** Days without use after which something counts as unused. */
  readonly days: number
}
