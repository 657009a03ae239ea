/** Puts recorded decisions to a candidate and reports those that change, grouped by person and host. */

import { replayCall } from '../../rbac/asking/calls/replay-call.ts'
import type { Effect } from '../../rbac/decision.ts'
import { printable } from '../../spelling/printable.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { type AuditChoice, type AuditReading, readAuditFile } from './audit-file.ts'
import { loadPolicy, type PolicyChoice } from './load-policy.ts'
import type { RecordedDecision } from './recorded-decision.ts'

export interface ReplayChoice extends PolicyChoice, AuditChoice {
  readonly failOnChange?: boolean
  readonly json?: boolean
}

/** Decisions of one person on one host that change in the same way, or hang on the same facts. */
interface Group {
  readonly who: string
  readonly domain: string
  readonly from: Effect
  /** `undefined`: uncertain. */
  readonly to?: Effect
  /** What would have to be known. */
  readonly facts?: readonly string[]
  count: number
  readonly examples: Example[]
}

interface Example {
  readonly request: string
  readonly requestId: string
  readonly rule?: string
}

const maxGroups = 10_000
const maxExamples = 3
const maxShown = 50

interface Report extends AuditReading {
  changed: number
  uncertain: number
  /** Changed or uncertain decisions beyond the groups that are kept. */
  ungrouped: number
  readonly groups: Map<string, Group>
}

export async function replayAudit(choice: ReplayChoice, terminal: Terminal): Promise<number> {
  try {
    const { directory, snapshot } = await loadPolicy(choice, terminal)
    const report: Report = {
      ...{ decisions: 0, unreadable: 0, changed: 0, uncertain: 0, ungrouped: 0 },
      groups: new Map(),
    }
    const reading = await readAuditFile(choice, terminal, recorded => {
      const replayed = replayCall(snapshot, recorded)
      if (replayed.kind === 'uncertain') {
        report.uncertain += 1
        add(report, recorded, { facts: replayed.facts })
      } else if (replayed.decision.effect !== recorded.effect) {
        report.changed += 1
        const { effect, rule } = replayed.decision
        add(report, recorded, { to: effect, ...(rule === undefined ? {} : { rule }) })
      }
    })
    const complete = { ...report, ...reading, candidate: { directory, revision: snapshot.revision } }
    terminal.write(choice.json === true ? jsonReport(complete) : textReport(complete, terminal))
    return report.changed > 0 && choice.failOnChange === true ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

interface Change {
  readonly to?: Effect
  readonly facts?: readonly string[]
  readonly rule?: string
}

function add(report: Report, recorded: RecordedDecision, { rule, ...change }: Change): void {
  const { who, effect: from, request, requestId } = recorded
  const key = JSON.stringify([who, request.domain, from, change])
  let group = report.groups.get(key)
  if (group === undefined && report.groups.size < maxGroups) {
    group = { who, domain: request.domain, from, ...change, count: 0, examples: [] }
    report.groups.set(key, group)
  }
  if (group === undefined) report.ungrouped += 1
  else {
    group.count += 1
    const example = { request: `${request.action} ${request.resource}`, requestId }
    if (group.examples.length < maxExamples) group.examples.push(rule === undefined ? example : { ...example, rule })
  }
}

/** Who would get in first, then who would be shut out, then the rest; the most frequent first. */
function inOrder(groups: Iterable<Group>): readonly Group[] {
  const rank = ({ from, to }: Group): number => {
    if (to === undefined) return 3
    if (to === 'allow') return 0
    return from === 'allow' ? 1 : 2
  }
  return [...groups].sort((left, right) => rank(left) - rank(right) || right.count - left.count)
}

interface CompleteReport extends Report {
  readonly candidate: { readonly directory: string; readonly revision: string }
}

function jsonReport({ groups, ...report }: CompleteReport): string {
  return `${JSON.stringify({ ...report, groups: inOrder(groups.values()) }, null, 2)}\n`
}

function textReport(report: CompleteReport, { colors }: Terminal): string {
  const { candidate, decisions, changed, uncertain, unreadable, ungrouped } = report
  const groups = inOrder(report.groups.values())
  const hidden = groups.slice(maxShown).reduce((sum, { count }) => sum + count, ungrouped)
  const paint = (group: Group): string => {
    if (group.to === undefined) return colors.yellow(`${group.from} -> uncertain (${group.facts?.join(', ')})`)
    return colors.red(`${group.from} -> ${group.to}`)
  }
  const lines = groups
    .slice(0, maxShown)
    .flatMap(group => [
      `${printable(`${group.who} on ${group.domain}`)}: ${paint(group)}, ${group.count} ${group.count === 1 ? 'time' : 'times'}`,
      ...group.examples.map(
        ({ request, requestId, rule }) =>
          `    ${printable(`${request}${rule === undefined ? '' : `  by ${rule}`}  (${requestId})`)}`,
      ),
    ])
  const more = hidden > 0 ? [`and ${hidden} more; --json shows them`] : []
  const summary = `${decisions} decisions put to ${candidate.directory} (revision ${candidate.revision})`
  const counts = `${changed} would change, ${uncertain} cannot be decided again for lack of facts`
  const skipped = unreadable > 0 ? [`${unreadable} lines were no audit events`] : []
  return `${[...lines, ...more, `${summary}: ${counts}`, ...skipped].join('\n')}\n`
}
