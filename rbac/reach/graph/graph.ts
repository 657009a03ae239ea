/**
 * Who can become whom: the direct moves of everybody as edges, and what follows by itself (docs/adr/0055). A set ("every
 * service account of payments") is one node with an edge to each member: five thousand subjects that can each be any of five
 * thousand accounts are ten thousand edges, not twenty-five million.
 */
import type { MoveId, NodeId, Step } from '../finding.ts'
import type { DirectMove } from '../moves/direct.ts'
import { accountOf, type Facts, grouped, holdsToken, workloadId } from '../moves/facts.ts'
import { accountsId, namespaceId, podsId, secretsId } from '../moves/targets.ts'
import { waysOut } from '../moves/ways-out.ts'
import { accountSubject, askerOf, idOf, subjectOf } from '../subject.ts'
import { movesOfRoles } from './role-nodes.ts'

export interface Edge extends Step {
  /** Steps that somebody takes: none from a set to its member, nor into a group that somebody is in. */
  readonly cost: 0 | 1
}

/** Why an edge is there that no move makes. */
export const structuralSteps: Readonly<Record<string, string>> = {
  'one-of': 'is one of them',
  'member-of': 'is in the group',
  'runs-as': 'runs as',
  'leaves-container': 'can leave its container',
  'runs-on': 'runs everything on it',
  'token-in-secret': 'holds a token of',
  'holds-all': 'holds all of it',
}

export interface Graph {
  readonly from: ReadonlyMap<NodeId, readonly Edge[]>
  readonly to: ReadonlyMap<NodeId, readonly Edge[]>
  /**
   * Edges that count at the start of a path alone: a program leaves its container as itself, but whoever holds only the token
   * of its account is not in that container.
   */
  readonly atStart: ReadonlyMap<NodeId, readonly Edge[]>
  readonly size: { readonly nodes: number; readonly edges: number }
}

/** `WL19` is what a workload can do, not what its account can. */
const ofTheProgram: ReadonlySet<MoveId> = new Set(['WL19'])

export function graphOf(facts: Facts, moves: readonly DirectMove[]): Graph {
  const edges: Edge[] = []
  const starts: Edge[] = []
  // Of ways that are equally short, the one that says most: everything, before what is within it.
  const inOrder = [...moves].sort((one, other) => Number(other.move === 'RB05') - Number(one.move === 'RB05'))
  for (const move of inOrder)
    for (const edge of edgesOf(move, move.subject)) (ofTheProgram.has(move.move) ? starts : edges).push(edge)
  for (const [role, found] of movesOfRoles(facts, targetsIn(edges)))
    edges.push(...found.flatMap(one => edgesOf(one, role)))
  edges.push(...sinkEdges(), ...accountEdges(facts), ...podEdges(facts), ...secretEdges(facts), ...peopleEdges(facts))
  const whoLead = new Set(edges.map(({ from }) => from))
  edges.push(...membershipEdges(facts, whoLead))
  const from = grouped(edges, edge => edge.from)
  const to = grouped(edges, edge => edge.to)
  const nodes = new Set([...from.keys(), ...to.keys()]).size
  return { from, to, atStart: grouped(starts, edge => edge.from), size: { nodes, edges: edges.length + starts.length } }
}

function edgesOf({ move, namespace, grants, to }: DirectMove, from: NodeId): Edge[] {
  const others = to.filter(node => node !== from)
  return others.map(node => ({ from, to: node, move, grants, cost: 1, ...(namespace !== undefined && { namespace }) }))
}

const targetsIn = (edges: readonly Edge[]): ReadonlySet<NodeId> => new Set(edges.map(({ to }) => to))

const structural = (move: string, from: NodeId, to: NodeId): Edge => ({ from, to, move, grants: [], cost: 0 })
const step = (move: string, from: NodeId, to: NodeId): Edge => ({ from, to, move, grants: [], cost: 1 })

const sinkEdges = (): Edge[] => [
  structural('holds-all', 'sink:system-masters', 'sink:cluster-admin'),
  structural('member-of', 'group:system:masters', 'sink:system-masters'),
  step('holds-all', 'sink:cluster-admin', 'sink:system-masters'),
  ...[namespaceId(), 'sink:node', secretsId(), 'users:*', 'groups:*'].map(node =>
    step('holds-all', 'sink:cluster-admin', node),
  ),
  step('runs-on', 'sink:node', podsId()),
]

const accountEdges = ({ namespaces, accountsIn }: Facts): Edge[] =>
  namespaces.flatMap(name => [
    structural('one-of', accountsId(), accountsId(name)),
    ...accountsIn(name).map(account => structural('one-of', accountsId(name), account)),
    structural('one-of', namespaceId(), namespaceId(name)),
    ...[accountsId(name), podsId(name), secretsId(name)].map(node => step('holds-all', namespaceId(name), node)),
    structural('one-of', secretsId(), secretsId(name)),
  ])

function podEdges({ namespaces, workloadsIn, objects }: Facts): Edge[] {
  const automount = new Map(
    objects.serviceAccounts.map(one => [idOf(accountSubject(one.namespace, one.name)), one.automount] as const),
  )
  return namespaces.flatMap(name => {
    const workloads = workloadsIn(name)
    if (workloads.length === 0) return []
    return [
      structural('one-of', podsId(), podsId(name)),
      ...workloads.flatMap(workload => {
        const [id, account] = [workloadId(workload), accountOf(workload)]
        return [
          structural('one-of', podsId(name), id),
          ...(holdsToken(workload, automount.get(account)) ? [structural('runs-as', id, account)] : []),
          ...(waysOut(workload).length > 0 ? [step('leaves-container', id, 'sink:node')] : []),
        ]
      }),
    ]
  })
}

const tokenType = 'kubernetes.io/service-account-token'
const ofAccount = 'kubernetes.io/service-account.name'

function secretEdges({ objects }: Facts): Edge[] {
  return objects.secrets.flatMap(({ namespace, name, type, annotations }) => {
    const account = annotations[ofAccount]
    const id: NodeId = `secret:${namespace}/${name}`
    const inside = structural('one-of', secretsId(namespace), id)
    if (type !== tokenType || account === undefined) return [inside]
    return [inside, structural('token-in-secret', id, idOf(accountSubject(namespace, account)))]
  })
}

function peopleEdges({ grants, options }: Facts): Edge[] {
  const known = [...new Set([...grants.subjects, ...(options.memberships?.keys() ?? [])])]
  return known.flatMap(id => {
    if (id.startsWith('user:')) return [structural('one-of', 'users:*', id)]
    // Admission refuses it in certificates; who may impersonate it says so with an edge of its own.
    return id.startsWith('group:') && id !== 'group:system:masters' ? [structural('one-of', 'groups:*', id)] : []
  })
}

function membershipEdges({ grants, options, namespaces, accountsIn }: Facts, lead: ReadonlySet<NodeId>): Edge[] {
  const { memberships = new Map<NodeId, readonly string[]>() } = options
  const known = new Set([...grants.subjects, ...memberships.keys(), ...namespaces.flatMap(name => accountsIn(name))])
  return [...known].flatMap(id => {
    const { groups } = askerOf(subjectOf(id), memberships.get(id) ?? [])
    const ids = groups.map((group): NodeId => `group:${group}`)
    return ids.filter(group => group !== id && lead.has(group)).map(group => structural('member-of', id, group))
  })
}
