/**
 * What a reach review says: somebody can become somebody else, or reach something critical, over these steps, by these
 * grants, and this edit takes it away.
 */
import type { Grant } from './grant.ts'
import type { SubjectId } from './subject.ts'

export const severities = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]

/** Of the catalogue: `ID03`, `WL05`, `RB01`, `CP05`. */
export type MoveId = string

/**
 * A node of the graph: a subject, something worth reaching, or a set that stands for each of its members, now and later.
 *
 * - `sink:cluster-admin`, `sink:system-masters`, `sink:all-secrets`, `sink:node`
 * - `namespace:payments` (its admin), `secrets:payments` (every Secret of it), `secret:payments/api-key`
 * - `service-accounts:payments`, `pods:payments`, `workload:payments/Deployment/api`, `role:Role/deployer@payments`
 * - `users:*`, `groups:*`, and `*` for every namespace
 */
export type NodeId =
  | SubjectId
  | `${'sink' | 'namespace' | 'secrets' | 'secret' | 'service-accounts' | 'pods' | 'workload' | 'role'}:${string}`
  | 'users:*'
  | 'groups:*'

/** One edge: who holds `grants` (several where a move needs several rights) can become or reach `to`. */
export interface Step {
  readonly from: NodeId
  readonly to: NodeId
  readonly move: MoveId
  /** Where it holds; absent: in the whole cluster. */
  readonly namespace?: string
  /** Empty for what needs no right, as being a member of a group. */
  readonly grants: readonly Grant[]
}

/** An exact change of one object that takes a step away. */
export interface Edit {
  /** `ClusterRole/rook-ceph-csi`. */
  readonly object: string
  /** One sentence: what to do. */
  readonly sentence: string
  /** The object as it should be, or a JSON patch (RFC 6902) of it, in YAML. */
  readonly patch?: string
}

export interface Finding {
  /** The same in each review as long as subject, move, scope and target are the same: for baselines and suppressions. */
  readonly id: string
  readonly move: MoveId
  readonly severity: Severity
  readonly subject: SubjectId
  /** Absent: in the whole cluster. */
  readonly namespace?: string
  /** What this very move reaches, named one by one where they can be. */
  readonly targets: readonly NodeId[]
  /** Reached only if something else comes with it: a node in hand, a controller that listens. Never walked by a path. */
  readonly perhaps: readonly NodeId[]
  readonly grants: readonly Grant[]
  /** The shortest way from the subject to the worst sink that it leads to, this move first; empty where it leads to none. */
  readonly path: readonly Step[]
  /** What the API server itself ships and expects (bootstrap roles for their own holders): folded, never left out. */
  readonly isExpected: boolean
  /** A finding of the same subject that says this and more (`RB05`, everything; the same move in the whole cluster): folded. */
  readonly within?: string
  /** Somebody accepts it, and says why, until then (a date or RFC 3339): folded, counted, and no --fail-on ends for it. */
  readonly suppressed?: { readonly reason: string; readonly expires: string }
  readonly edits: readonly Edit[]
  /** One sentence in plain words: who, can what, by which binding. */
  readonly sentence: string
}
