/** An inventory as CSV (RFC 4180), one line for each identity. */
import { unusedShare } from '../../../../rbac/reach/excess/excess.ts'
import type { Coverage, InventoriedIdentity, Inventory } from '../../../../rbac/reach/inventory/identity.ts'
import { csvLines } from '../../../../rbac/reach/report/csv-lines.ts'
import { isoOf } from './moments.ts'
import { sinkSentence } from './reach-words.ts'

const columns: readonly (readonly [string, (one: InventoriedIdentity, coverage: Coverage) => string])[] = [
  ['id', one => one.id],
  ['kind', one => one.kind],
  ['namespace', one => one.namespace ?? ''],
  ['name', one => one.name],
  ['exists', one => (one.isMissing ? 'no' : one.isUnread ? 'unknown' : 'yes')],
  ['owner', one => one.owner?.name ?? ''],
  ['owner_inferred_from', one => one.owner?.inferredFrom ?? ''],
  ['created', one => (one.created === undefined ? '' : isoOf(one.created))],
  ['last_used', one => (one.lastUsed === undefined ? '' : isoOf(one.lastUsed))],
  ['workloads', one => one.consumers.map(({ workload }) => workload).join(' ')],
  ['credentials', one => one.credentials.map(({ kind, name }) => `${kind}: ${name}`).join('; ')],
  ['cloud_roles', one => one.cloudRoles.map(({ cloud, role }) => `${cloud}: ${role}`).join('; ')],
  ['bindings', one => one.bindings.join(' ')],
  ['everything', one => (one.hasEverything ? 'yes' : 'no')],
  ['rights', one => `${one.rights?.granted ?? 0}`],
  ['used', one => `${one.rights?.used ?? 0}`],
  ['unused_percent', (one, { daysOfLog }) => unusedPercent(one, daysOfLog)],
  ['reaches', ({ reach }) => (reach?.sinks ?? []).map(sinkSentence).join('; ')],
  ['can_become', ({ reach }) => (reach === undefined ? '' : `${reach.becomes}`)],
  ['owner_certainty', one => one.owner?.certainty ?? ''],
  ['expires', one => one.credentials.map(({ expires }) => expiryCell(expires)).join('; ')],
]

/** In the order of the credentials; empty for those that are renewed. */
const expiryCell = (expires: InventoriedIdentity['credentials'][number]['expires']): string =>
  typeof expires === 'number' ? isoOf(expires) : (expires ?? '')

/** Without a log nothing is known of use: all would look unused. */
const unusedPercent = ({ rights }: InventoriedIdentity, daysOfLog: number): string =>
  rights === undefined || daysOfLog === 0 ? '' : `${Math.floor(unusedShare(rights) * 100)}`

export const inventoryColumns: readonly string[] = [...columns.map(([name]) => name), 'findings']

export function inventoryCsv({ identities, findings, coverage }: Inventory): string {
  const codes = new Map<string, string[]>()
  for (const { about, code } of findings) codes.set(about, [...(codes.get(about) ?? []), code])
  const rows = identities.map(one => [
    ...columns.map(([, of]) => of(one, coverage)),
    [...new Set(codes.get(one.id))].join(' '),
  ])
  return csvLines([inventoryColumns, ...rows])
}
