/** An explanation as a person reads it. */

import type { CallExplanation } from '../../../rbac/asking/calls/explain-call.ts'
import type { ExplainedOutcome, ExplainedRow } from '../../../rbac/asking/explained-row.ts'
import type { Decision } from '../../../rbac/decision.ts'
import { challengeReasons, denyReasons } from '../../../rbac/decision.ts'
import { printable } from '../../../spelling/printable.ts'
import type { Terminal } from '../../terminal.ts'
import { formatTable } from '../answer.ts'
import type { AuditExplanation, FromAudit } from './explain-audit.ts'

/** With the id where a decision that was made is explained. */
export type ExplainAnswer =
  | (CallExplanation & { readonly requestId?: string; readonly fromAudit?: FromAudit })
  | AuditExplanation

type Colors = Terminal['colors']

/** @param isWhole also rows of other paths, which are only counted otherwise */
export function formatExplanation(answer: ExplainAnswer, { colors }: Terminal, isWhole: boolean): string {
  if (!('decision' in answer)) return untoldText(answer, colors)
  const { decision, request, rows } = answer
  const shown = isWhole ? rows : rows.filter(({ fields, isDeciding }) => fields.resource !== 'miss' || isDeciding)
  const hidden = rows.length - shown.length
  return [
    `${paintEffect(decision.effect, colors)}  ${request.action} ${request.domain}${request.resource}  by ${whoOf(answer)}\n`,
    `${sentenceOf(decision)}\n`,
    `  at ${new Date(answer.now * 1000).toISOString()}, ${decision.rule === undefined ? 'no rule' : `rule ${decision.rule}`}, revision ${decision.revision}\n`,
    questionsOf(answer, colors),
    shown.length === 0 ? '' : `\n${tableOf(shown, colors)}`,
    ...shown.map(row => remarkOf(row, colors)),
    hidden === 0 ? '' : colors.dim(`  ${hidden} more rows are about other paths (--all shows them)\n`),
    nearestOf(answer, colors),
    answer.fromAudit === undefined ? '' : auditOf(answer.fromAudit, colors),
  ].join('')
}

/** Of a call that is several questions, and of an identity that the gateway lets do nothing. */
function questionsOf({ questions = [], otherwise = [], isOutside }: CallExplanation, colors: Colors): string {
  const asked = questions.map(({ action, resource, need, decision }) => [
    paintEffect(decision.effect, colors, need === 'no-deny' && isPassed(decision) ? 'not denied' : decision.effect),
    `${action} ${resource}`,
    decision.rule ?? '',
  ])
  return [
    isOutside === true
      ? colors.yellow(
          '  The gateway takes people with a login and workloads with a token: nobody else, whatever rows say.\n',
        )
      : '',
    asked.length === 0 ? '' : '\nThe call is several questions, of which each has to pass:\n',
    ...asked.map(([effect, text, rule]) => `  ${effect}  ${text}  ${colors.dim(rule ?? '')}\n`),
    ...otherwise.map(({ how, request, decision }) => {
      const by = decision.rule === undefined ? '' : `, rule ${decision.rule}`
      return `\nIt would be ${paintEffect(decision.effect, colors)} ${how}: ${request.action} ${request.resource}${by}\n`
    }),
  ].join('')
}

const isPassed = (decision: Decision): boolean =>
  decision.effect !== 'deny' ||
  !['rule-denied', 'actor-denied', 'evaluation-failed', 'path-too-costly'].includes(decision.reason)

function whoOf({ identity, actors = [] }: ExplainAnswer): string {
  const { kind, subject, name = subject, groups = [] } = identity
  const inGroups = groups.length === 0 ? '' : ` in ${groups.join(', ')}`
  const acting = actors.length === 0 ? '' : `, for whom ${actors.join(', ')} ${actors.length === 1 ? 'acts' : 'act'}`
  return kind === 'anonymous' ? 'nobody (anonymous)' : `${name}${inGroups}${acting}`
}

function untoldText(answer: AuditExplanation, colors: Colors): string {
  const { request, now, fromAudit } = answer
  return [
    `${colors.yellow('cannot be told')}  ${request.action} ${request.domain}${request.resource}  by ${whoOf(answer)}\n`,
    `  The decision hangs on facts that the event does not hold: ${fromAudit.hangsOn.join(', ')}.\n`,
    `  at ${new Date(now * 1000).toISOString()}\n`,
    auditOf(fromAudit, colors),
  ].join('')
}

function paintEffect(effect: Decision['effect'], colors: Colors, text: string = effect): string {
  const isPassed = text !== effect
  const paint = { allow: colors.green, challenge: colors.yellow, deny: colors.red }[effect]
  return isPassed ? colors.green(text) : paint(text)
}

function sentenceOf(decision: Decision): string {
  switch (decision.effect) {
    case 'allow':
      return '  A rule applies that allows it.'
    case 'challenge':
      return `  ${decision.reason}: ${challengeReasons[decision.reason]}`
    case 'deny':
      return `  ${decision.reason}: ${denyReasons[decision.reason]}${actorOf(decision)}`
  }
}

const actorOf = ({ deniedActor }: Extract<Decision, { effect: 'deny' }>): string =>
  deniedActor === undefined ? '' : ` It is ${deniedActor}, and the rows below are as tried for them.`

const head = ['', 'rule', 'effect', 'path', 'method', 'subject', 'condition', '']
const outcomeText = (outcome: ExplainedOutcome): string => (outcome === 'not-tried' ? '-' : outcome)

function tableOf(rows: readonly ExplainedRow[], colors: Colors): string {
  const lines = rows.map(row => {
    const { resource, action, subject, condition } = row.fields
    const outcomes = [resource, action, subject, condition].map(outcomeText)
    const mark = row.isDeciding ? '>' : row.applies ? '+' : ''
    const text = [row.subject, row.domain, row.resource, row.action, row.condition].join(', ')
    return [mark, row.rule, row.effect, ...outcomes, text]
  })
  const paints: Readonly<Record<string, (text: string) => string>> = {
    hit: colors.green,
    miss: colors.red,
    may: colors.yellow,
  }
  const paint = (cell: string, column: number, line: number): string => {
    if (line === 0) return colors.dim(cell)
    if (column === 0) return colors.bold(cell)
    return column >= 3 && column <= 6 ? (paints[cell] ?? colors.dim)(cell) : cell
  }
  return formatTable([head, ...lines], paint)
}

/** What the author of a row wrote for people. */
function remarkOf({ rule, note, owner }: ExplainedRow, colors: Colors): string {
  const said = [owner === undefined ? [] : `of ${owner}`, note ?? []].flat()
  return said.length === 0 ? '' : colors.dim(`  ${rule}: ${printable(said.join(': '))}\n`)
}

function nearestOf({ decision, nearest, questions, isByModel }: CallExplanation, colors: Colors): string {
  if (decision.effect === 'allow') return ''
  if (isByModel === true) return '\nA Casbin model decides there: what would allow it was not searched for.\n'
  const bound = nearest.isComplete ? '' : colors.dim('  The search ended at its bound; there may be others.\n')
  if (nearest.found.length === 0)
    return `\nNo change of who, how, when or from where was found that allows it.\n${bound}`
  const lines = nearest.found.map(({ text, rule, changes }) => {
    // Of several questions each has a row that then allows it; what is to be seen is which ones ask for the changes.
    const rules = questions === undefined ? [rule] : [...new Set(changes.map(change => change.rule))]
    return `  ${text} ${colors.dim(`(${rules.join(', ')})`)}\n`
  })
  return `\nWould be allowed:\n${lines.join('')}${bound}`
}

function auditOf(fromAudit: FromAudit, colors: Colors): string {
  const { isSameRevision, isSameDecision, lacks, hangsOn, recorded } = fromAudit
  const reason = recorded.reason === undefined ? '' : `, ${recorded.reason}`
  return [
    `\nFrom the audit event: ${recorded.event}${reason}, revision ${recorded.revision}.\n`,
    isSameRevision ? '' : colors.yellow('  This policy is not the revision that decided.\n'),
    isSameDecision || hangsOn.length > 0 ? '' : colors.yellow('  The decision is not the one that was made.\n'),
    lacks.length === 0 ? '' : `  The event does not hold: ${lacks.join(', ')}.\n`,
  ].join('')
}
