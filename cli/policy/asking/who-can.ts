/** Lists who can do something. */

import { canonicalHosts } from '../../../config/host-settings.ts'
import type { Call } from '../../../rbac/asking/calls/call.ts'
import { parseCall } from '../../../rbac/asking/calls/parse-call.ts'
import { type RuleCondition, type WhoCanCall, whoCanCall } from '../../../rbac/asking/who-can.ts'
import type { KubernetesQuestion } from '../../../rbac/kubernetes/questions.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { Terminal } from '../../terminal.ts'
import { type AnswerValues, choiceOf, formatTable, printAnswer } from '../answer.ts'
import { loadPolicy } from '../load-policy.ts'
import { parseFacts } from './who-options.ts'

type Answer = Omit<WhoCanCall, 'subjects'> & {
  readonly subjects: readonly Omit<WhoCanCall['subjects'][number], 'when'>[]
}

interface Listed extends Answer {
  /** Where the call is several questions: all of them. */
  readonly questions?: readonly KubernetesQuestion[]
  /** What the same words could mean as well, where others may. */
  readonly otherwise?: readonly (Answer & { readonly how: string })[]
}

export interface WhoCanValues extends AnswerValues {
  readonly header?: readonly string[]
}

/** @param question as in test files: `GET https://host/path` or `create kube:prod /path` */
export function printWhoCan(question: string, values: WhoCanValues, terminal: Terminal): Promise<number> {
  const answer = async (): Promise<Listed> => {
    const { header } = parseFacts(values, 0, terminal.cwd)
    const { snapshot, config } = await loadPolicy(choiceOf(values), terminal)
    const call = parseCall(question, header, config && canonicalHosts(config))
    terminal.progress(() => `asking ${snapshot.rowCount} rows`)
    const listed = answerTo(call, snapshot)
    const others = call.variants.map(({ how, ...variant }) => ({ how, ...answerTo(variant, snapshot) }))
    const otherwise = others.filter(other => namesOf(other) !== namesOf(listed))
    return {
      ...listed,
      ...(call.questions.length > 1 ? { questions: call.questions } : {}),
      ...(otherwise.length === 0 ? {} : { otherwise }),
    }
  }
  return printAnswer(values, terminal, answer, listed => formatAll(listed, terminal))
}

function answerTo(call: Call, policy: PolicySnapshot): Answer {
  const { subjects, ...rest } = whoCanCall(call, policy)
  return { subjects: subjects.map(({ when: _, ...subject }) => subject), ...rest }
}

const namesOf = ({ subjects, denies }: Answer): string => JSON.stringify([subjects, denies])

function formatAll(listed: Listed, terminal: Terminal): string {
  const { questions = [], otherwise = [] } = listed
  const asked = questions.map(({ action, resource, need }) =>
    need === 'allow' ? `  ${action} ${resource}\n` : `  no deny of ${action} ${resource}\n`,
  )
  return [
    ...(asked.length === 0 ? [] : ['For all of\n', ...asked]),
    format(listed, terminal),
    ...otherwise.map(({ how, ...other }) => `\nIt would be ${how}:\n${format(other, terminal)}`),
  ].join('')
}

function format({ subjects, cut, denies, inPart }: Answer, { colors }: Terminal): string {
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
    inPart.length === 0 ? '' : '\nA part of it only:\n',
    ...inPart.map(({ subject, lacks }) => {
      const lacking = lacks.map(({ action, resource }) => `${action} ${resource}`).join(', ')
      return `  ${colors.yellow(subject)} lacks ${lacking}\n`
    }),
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
