/** Lists who can do something. */

import { type RuleCondition, type WhoCan, whoCan } from '../../../rbac/asking/who-can.ts'
import { parseRequest } from '../../../rbac/testing/policy-test.ts'
import type { Terminal } from '../../terminal.ts'
import { type AnswerValues, choiceOf, formatTable, printAnswer } from '../answer.ts'
import { loadPolicy } from '../load-policy.ts'

type Listed = Omit<WhoCan, 'subjects'> & { readonly subjects: readonly Omit<WhoCan['subjects'][number], 'when'>[] }

/** @param question as in test files: `GET https://host/path` or `create kube:prod /path` */
export function printWhoCan(question: string, values: AnswerValues, terminal: Terminal): Promise<number> {
  const answer = async (): Promise<Listed> => {
    const request = parseRequest(question)
    const { snapshot } = await loadPolicy(choiceOf(values), terminal)
    terminal.progress(() => `asking ${snapshot.rowCount} rows`)
    const { subjects, ...rest } = whoCan(request, snapshot)
    return { subjects: subjects.map(({ when: _, ...subject }) => subject), ...rest }
  }
  return printAnswer(values, terminal, answer, listed => format(listed, terminal))
}

function format({ subjects, cut, denies }: Listed, { colors }: Terminal): string {
  const lines = subjects.map(({ subject, allowedBy, unless, isAlways }) => [
    subject,
    isAlways ? 'always' : conditionsOf(allowedBy, unless),
    allowedBy.map(({ rule }) => rule).join(' '),
  ])
  const paint = (cell: string, column: number): string =>
    column === 0 ? colors.green(cell) : column === 2 ? colors.dim(cell) : cell
  return [
    lines.length === 0 ? 'nobody\n' : formatTable(lines, paint),
    ...cut.map(({ subject, rule }) => `  ${colors.red(subject)}  never ${colors.dim(`(deny ${rule})`)}\n`),
    denies.length === 0 ? '' : '\nNever for whoever is also:\n',
    ...denies.map(({ subjects: who, condition, rule }) => {
      const when = condition === '-' ? '' : ` unless it is certain that not (${condition})`
      return `  ${colors.red(who.length === 0 ? 'nobody' : who.join(', '))}${when} ${colors.dim(`(deny ${rule})`)}\n`
    }),
  ].join('')
}

function conditionsOf(allowedBy: readonly RuleCondition[], unless: readonly RuleCondition[]): string {
  const isOpen = allowedBy.some(({ condition }) => condition === '-')
  const either = [...new Set(allowedBy.map(({ condition }) => condition))].join(' or ')
  const not = unless.map(({ condition }) => `not (${condition})`)
  return `if ${[...(isOpen ? [] : [not.length > 0 ? `(${either})` : either]), ...not].join(' and ')}`
}
