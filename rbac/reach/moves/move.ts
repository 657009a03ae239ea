/** What an entry of the catalogue is: one row of table.ts. */
import type { MoveId, NodeId, Severity } from '../finding.ts'
import type { Grant } from '../grant.ts'
import type { SubjectId } from '../subject.ts'
import type { Facts } from './facts.ts'
import type { Need, Use } from './need.ts'

/** Where a move was found. */
export interface At {
  readonly subject: SubjectId
  /** Absent: in the whole cluster. */
  readonly namespace?: string
  readonly uses: readonly Use[]
  readonly facts: Facts
  /** Whether the same subject has this as well, in the same scope. */
  readonly has: (need: Need) => boolean
}

export interface Reach {
  /** Walked by the graph. */
  readonly to: readonly NodeId[]
  /** Reached only if something else comes with it (a compromised node, a controller that listens): said, never walked. */
  readonly maybe?: readonly NodeId[]
}

/** A value that depends on where, with the words that its page says it by. */
export interface Told<Value> {
  readonly text: string
  readonly of: (at: At) => Value
}

interface Row {
  readonly id: MoveId
  readonly title: string
  /** Completes "Alice can …". */
  readonly can: string
  readonly severity: Told<Severity>
  readonly reaches: Told<Reach>
  /** Why it matters: one paragraph of its page. */
  readonly why: string
  /** How to take it away: one or two sentences. */
  readonly close: string
  /** Where it can be read up. */
  readonly sources: readonly string[]
}

/** A move that somebody has by what he is granted. */
export interface RightsMove extends Row {
  readonly needs: Need
  /** Who has this as well has another move, which says more. */
  readonly without?: Need
  /** `cluster`: only ClusterRoleBindings give it; a list: only what counts in one of these namespaces. */
  readonly scope: 'cluster' | 'namespaced' | readonly string[]
  /** Where it is only a move beside something that exists. */
  readonly when?: Told<boolean>
  /** What `resourceNames` could list instead, where the API server compares names; absent where it cannot help. */
  readonly narrow?: string
}

/** Something that a cluster's objects show, whatever anybody is granted. */
export interface Situation {
  readonly subject: SubjectId
  readonly namespace?: string
  readonly grants: readonly Grant[]
  /** In the words of the finding. */
  readonly detail: string
  /** What to change, where that is not the role of `grants`. */
  readonly object: string
  readonly severity?: Severity
  readonly reach?: Reach
  readonly isExpected?: boolean
}

export interface SituationMove extends Row {
  readonly find: (facts: Facts) => readonly Situation[]
  /** What is looked for, in the words of its page. */
  readonly looksFor: string
}

export type Move = RightsMove | SituationMove

export const always = (severity: Severity): Told<Severity> => ({ text: severity, of: () => severity })
export const nowhere: Told<Reach> = { text: 'nobody else by itself', of: () => ({ to: [] }) }

interface ByScope {
  readonly cluster: Severity
  readonly namespace: Severity
  readonly system?: Severity
  readonly named?: Severity
}

export const systemNamespace = 'kube-system'

/** @param severity `system`: in kube-system; `named`: where every rule names what it is about */
export const byScope = ({ cluster, namespace, system = namespace, named }: ByScope): Told<Severity> => ({
  text: [
    `${cluster} in the whole cluster`,
    `${namespace} in a namespace`,
    ...(system === namespace ? [] : [`${system} in ${systemNamespace}`]),
    ...(named === undefined ? [] : [`${named} where the rule names what it is about`]),
  ].join(', '),
  of: at => {
    if (named !== undefined && at.uses.every(({ names }) => names !== undefined)) return named
    if (at.namespace === undefined) return cluster
    return at.namespace === systemNamespace ? system : namespace
  },
})

export const docsPageOf = (id: MoveId): string => `docs/reach/moves/${id}.md`
