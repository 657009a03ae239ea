/** Counts what decided in an audit file, and lists what did not. */

import { createUsage } from '../../rbac/asking/usage.ts'
import { rowText } from '../../rbac/row-text.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { type AuditChoice, readAuditFile } from './audit-file.ts'
import { loadPolicy, type PolicyChoice } from './load-policy.ts'

export interface UnusedChoice extends PolicyChoice, AuditChoice {
  readonly anyRevision?: boolean
  readonly json?: boolean
}

export async function listUnused(choice: UnusedChoice, terminal: Terminal): Promise<number> {
  try {
    const { snapshot } = await loadPolicy(choice, terminal)
    const usage = createUsage(snapshot)
    let counted = 0
    let uncertain = 0
    const { decisions, unreadable } = await readAuditFile(choice, terminal, recorded => {
      const { revision, request, identity, rule, shadow, furtherRules, missing } = recorded
      if (choice.anyRevision !== true && revision !== snapshot.revision) return
      counted += 1
      if (missing.has('groups') || missing.has('identity')) uncertain += 1
      usage.count({ domain: request.domain, identity, shadow, furtherRules, ...(rule === undefined ? {} : { rule }) })
    })
    // A row of a list of hosts is several rows of one line.
    const textOf = new Map(snapshot.rows.map(row => [row.id, rowText(row)]))
    const all = [
      ...[...textOf].map(([id, text]) => ({ id, text })),
      ...snapshot.roles.map(({ id, member, role, domain }) => ({ id, text: `g, ${member}, ${role}, ${domain}` })),
    ]
    const unused = all.filter(({ id }) => usage.timesOf(id) === 0)
    const otherRevisions = decisions - counted
    const report = { revision: snapshot.revision, counted, otherRevisions, uncertain, unreadable, unused }
    terminal.write(choice.json === true ? `${JSON.stringify(report, null, 2)}\n` : textReport(report))
    return exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

interface Report {
  readonly revision: string
  readonly counted: number
  readonly otherRevisions: number
  /** Decisions whose groups, or whose identity, are not in the line: a membership may have led to one of them. */
  readonly uncertain: number
  readonly unreadable: number
  readonly unused: readonly { readonly id: string; readonly text: string }[]
}

function textReport({ revision, counted, otherRevisions, uncertain, unreadable, unused }: Report): string {
  const lines = [
    ...unused.map(({ id, text }) => `${id}  ${text}`),
    `${unused.length} rows and memberships decided none of ${counted} decisions of revision ${revision}`,
    ...(otherRevisions > 0 ? [`${otherRevisions} decisions of other revisions were not counted (--any-revision)`] : []),
    ...(uncertain > 0 ? [`${uncertain} decisions without their groups: memberships may have led to them`] : []),
    ...(unreadable > 0 ? [`${unreadable} lines were no audit events`] : []),
  ]
  return `${lines.join('\n')}\n`
}
