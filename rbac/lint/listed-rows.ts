/**
 * A row of a list of hosts is many rows of one line. What is found about each of them is said once; what is found about
 * some is a note, for the line does something on the others.
 */
import { isList } from '../fields/host-lists.ts'
import type { Row } from '../row.ts'
import type { Finding } from './finding.ts'

export function foldLists(findings: readonly Finding[], rows: readonly Row[]): Finding[] {
  const hostsOf = new Map<string, number>()
  for (const { id, written } of rows) {
    if (written !== undefined && isList(written.domain)) hostsOf.set(id, (hostsOf.get(id) ?? 0) + 1)
  }
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const key = `${finding.rule} ${finding.file}:${finding.line}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [finding])
    else group.push(finding)
  }
  return [...groups.values()].flatMap(group => {
    const [first] = group
    const hosts = first === undefined ? undefined : hostsOf.get(`${first.file}:${first.line}`)
    if (first === undefined || hosts === undefined) return group
    if (group.length >= hosts) return [first]
    return [{ ...first, severity: 'note', message: `on ${group.length} of its ${hosts} hosts: ${first.message}` }]
  })
}
