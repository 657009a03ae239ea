/** Where an identity eventually gets, in few words. */
import { nodeText } from '../../../../rbac/reach/findings/words.ts'
import type { InventoriedIdentity } from '../../../../rbac/reach/inventory/identity.ts'
import type { ReachedSink, ReachSummary } from '../../../../rbac/reach/inventory/reach-summary.ts'

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`

/** `cluster-admin in 2 steps by ID09`. */
export const sinkSentence = ({ sink, steps, move }: ReachedSink): string =>
  `${nodeText(sink)} in ${count(steps, 'step')}${move === undefined ? '' : ` by ${move}`}`

const short: Readonly<Record<string, string>> = {
  'sink:cluster-admin': 'admin',
  'sink:system-masters': 'masters',
  'sink:all-secrets': 'secrets',
  'sink:node': 'node',
}

/** The worst, as a cell: `admin 2` is cluster-admin in two steps; else how many identities it can become. */
export function reachCell(reach: ReachSummary | undefined): string {
  const [worst] = reach?.sinks ?? []
  if (worst !== undefined) return `${short[worst.sink] ?? worst.sink} ${worst.steps}`
  return reach === undefined || reach.becomes === 0 ? '-' : `${reach.becomes} ids`
}

/** How many get where. */
export function reachSentence(identities: readonly InventoriedIdentity[]): string {
  const counts = new Map<string, number>()
  for (const { sink } of identities.flatMap(({ reach }) => reach?.sinks ?? []))
    counts.set(sink, (counts.get(sink) ?? 0) + 1)
  const parts = Object.keys(short).flatMap(sink => {
    const number = counts.get(sink) ?? 0
    return number === 0 ? [] : [`${number} ${nodeText(sink)}`]
  })
  return parts.length === 0
    ? 'None of them eventually reaches cluster-admin, every Secret or a node.'
    : `Eventually reach: ${parts.join(', ')}.`
}
