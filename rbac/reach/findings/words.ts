/** Findings in plain words. */
import type { NodeId, Step } from '../finding.ts'
import { structuralSteps } from '../graph/graph.ts'
import type { DirectMove } from '../moves/direct.ts'
import { objectText } from '../moves/facts.ts'
import { moveOf } from '../moves/table.ts'
import type { SubjectId } from '../subject.ts'

const fixed: Readonly<Record<string, string>> = {
  'sink:cluster-admin': 'cluster-admin',
  'sink:system-masters': 'system:masters',
  'sink:all-secrets': 'every Secret',
  'sink:node': 'a node',
  'users:*': 'every user',
  'groups:*': 'every group',
  'service-accounts:*': 'every service account',
  'pods:*': 'every pod',
  'namespace:*': 'every namespace',
}

/** A node as somebody would say it: `service account payments/deployer`, `every Secret of payments`. */
export function nodeText(node: NodeId): string {
  const known = fixed[node]
  if (known !== undefined) return known
  const colon = node.indexOf(':')
  const [kind, rest] = [node.slice(0, colon), node.slice(colon + 1)]
  const texts: Readonly<Record<string, string>> = {
    'service-account': `service account ${rest}`,
    user: `user ${rest}`,
    group: `group ${rest}`,
    'service-accounts': `every service account of ${rest}`,
    pods: `every pod of ${rest}`,
    secrets: `every Secret of ${rest}`,
    secret: `Secret ${rest}`,
    namespace: `all of namespace ${rest}`,
    workload: rest.replace('/', ': '),
    role: rest.replace(/@\*$/, ' in every namespace').replace('@', ' in '),
  }
  return texts[kind] ?? node
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

export const subjectText = (subject: SubjectId): string => capital(nodeText(subject))

/** One sentence: who, can what, where, on whom, by which binding. */
export function sentenceOf(found: DirectMove): string {
  const who = subjectText(found.subject)
  if (found.seen !== undefined) return `${who} ${found.seen.detail}.`
  const move = moveOf(found.move)
  const where = found.namespace === undefined ? 'in the whole cluster' : `in namespace ${found.namespace}`
  return `${who} can ${move?.can ?? found.move} ${where}${onlyText(found)}, by ${givenText(found)}.`
}

/** The names that rules limit it to. */
function onlyText({ uses }: DirectMove): string {
  const [first] = uses
  if (first === undefined || uses.some(({ names }) => names === undefined)) return ''
  const names = [...new Set(uses.flatMap(({ names = [] }) => names))].sort()
  return ` (only ${some(names)})`
}

const some = (names: readonly string[], most = 4): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`

function givenText({ grants }: DirectMove): string {
  const bindings = [...new Set(grants.map(({ binding, role }) => `${objectText(binding)} (${objectText(role)})`))]
  return some(bindings, 2)
}

/** `mints a token for` is too much to say in an arrow: the id of the move is its name. */
export const stepText = ({ move, to }: Step): string => `${structuralSteps[move] ?? move} → ${nodeText(to)}`

/** From every account to those of a namespace to one of them is one step to whoever reads it. */
export const toldSteps = (path: readonly Step[]): readonly Step[] =>
  path.filter(({ move }, at) => move !== 'one-of' || path[at + 1]?.move !== 'one-of')
