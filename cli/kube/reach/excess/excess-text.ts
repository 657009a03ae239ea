/** Excess as a person reads it, in 80 columns. */
import type { BindingExcess, Excess, IdentityExcess } from '../../../../rbac/reach/excess/excess.ts'
import { unusedShare } from '../../../../rbac/reach/excess/excess.ts'
import type { Effect } from '../../../../rbac/reach/excess/what-if.ts'
import type { AccessQuestion } from '../../../../rbac/reach/grant.ts'
import { bindingKey } from '../../../../rbac/reach/usage/reason.ts'
import { printable } from '../../../../spelling/printable.ts'
import { formatTable } from '../../../policy/answer.ts'
import type { Terminal } from '../../../terminal.ts'
import { dayOf } from '../usage-input.ts'
import { wrapped } from '../wrapped.ts'

export const percent = (share: number): string => `${Math.floor(share * 100)} %`

/** Longer names are cut in the middle of the table, and whole in --json. */
const widest = 40
const cell = (text: string): string => {
  const safe = printable(text)
  return safe.length <= widest ? safe : `${safe.slice(0, 18)}…${safe.slice(-21)}`
}

export function excessText(shown: readonly IdentityExcess[], hidden: number, { colors }: Terminal): string {
  const rows = shown.map(one => [
    cell(one.subject),
    `${one.granted}`,
    `${one.used}`,
    percent(unusedShare(one)),
    one.lastSeen === undefined ? 'never seen' : dayOf(one.lastSeen),
  ])
  const head = ['SUBJECT', 'RIGHTS', 'USED', 'UNUSED', 'LAST CALL']
  const paint = (text: string, column: number, row: number): string =>
    row > 0 && column === 3 && text === '100 %' ? colors.red(text) : row === 0 ? colors.dim(text) : text
  const more =
    hidden === 0 ? '' : colors.dim(`  ${hidden} subjects with default roles only are folded (--all shows them)\n`)
  return (rows.length === 0 ? '' : `\n${formatTable([head, ...rows], paint)}`) + more
}

export function identityText(one: IdentityExcess): string {
  const { subject, granted, used, unseen, calls, impersonated, denied } = one
  const facts = [
    `${subject}: ${granted} rights, ${used} used, ${percent(unusedShare(one))} unused;`,
    `${calls} calls${impersonated > 0 ? ` (${impersonated} of them by somebody else as it)` : ''}, ${denied} refused.`,
    ...(unseen > 0 ? [`Of ${unseen} rights no log can show whether they were used.`] : []),
  ]
  return `\n${wrapped(printable(facts.join(' ')), { first: '', rest: '  ' })}${one.bindings.map(bindingText).join('')}`
}

function bindingText({ binding, granted, used, by, lastUsed, rules }: BindingExcess): string {
  const last = lastUsed === undefined ? 'never used' : `last used ${dayOf(lastUsed)} by ${by.join(', ')}`
  const head = `${bindingKey(binding)} of ${binding.roleRef.kind} ${binding.roleRef.name}: ${used} of ${granted}, ${last}`
  const lines = rules.map(({ grant: { rule, ruleIndex }, granted: all, used: some }) => {
    const { verbs, resources = [], nonResourceURLs = [], resourceNames = [] } = rule
    const names = resourceNames.length === 0 ? '' : ` (${resourceNames.join(', ')})`
    return `rule ${ruleIndex + 1}, ${some} of ${all} used: ${verbs.join(', ')} on ${[...resources, ...nonResourceURLs].join(', ')}${names}`
  })
  return [
    wrapped(printable(head), { first: '  ', rest: '      ' }),
    ...lines.map(line => wrapped(printable(line), { first: '    ', rest: '        ' })),
  ].join('')
}

/** What our reading and the API server's own words say of each other. */
export function checkText({ reasons, unexplained }: Excess): string {
  const { agreed, differs, gone } = reasons
  const named = agreed + differs + gone
  const sentences = [
    ...(named > 0
      ? [
          `Of ${named} calls the log names the binding: ${agreed} by one that allows it by our reading too, ${differs} by one that does not any more, ${gone} by one that is gone.`,
        ]
      : []),
    ...(unexplained.length > 0
      ? [
          `${unexplained.length} kinds of calls were allowed by nothing that was read: by another authorizer (nodes, webhooks), by groups that are not in the log, or by what was changed since. First: ${unexplained[0]?.asker.id} ${questionText(unexplained[0]?.question)}.`,
        ]
      : []),
  ]
  return sentences.map(text => wrapped(printable(text), { first: '', rest: '  ' })).join('')
}

export function questionText(question: AccessQuestion | undefined): string {
  if (question === undefined) return ''
  if ('path' in question) return `${question.verb} ${question.path}`
  const { verb, group, resource, subresource, namespace, name } = question
  const whole = [resource, subresource].filter(part => part !== undefined).join('/')
  const what = `${verb} ${whole}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`
  return namespace === undefined ? what : `${what} in ${namespace}`
}

const mostLines = 40

export function effectText({ broken, subjects }: Effect, { colors }: Terminal): string {
  const lines = [
    ...subjects.slice(0, mostLines).map(({ subject, before, after, lost, gained }) => {
      const more = gained.length === 0 ? '' : `, and gains ${gained.length}: ${gained.slice(0, 3).join('; ')}`
      return `${subject}: ${before} rights become ${after}, loses ${lost}${more}`
    }),
    ...(subjects.length > mostLines ? [`and ${subjects.length - mostLines} more subjects`] : []),
  ]
  const refused = broken.slice(0, mostLines).map(({ asker, question, count, last }) => {
    return `${asker.id} ${questionText(question)}: ${count} calls, the last on ${dayOf(last)}`
  })
  const verdict =
    broken.length === 0
      ? colors.green('Everything that was used is still allowed.\n')
      : colors.red(`${broken.length} uses would be refused:\n`)
  const listed = (all: readonly string[]): string =>
    all.map(line => wrapped(printable(line), { first: '  ', rest: '      ' })).join('')
  return `${listed(lines)}${verdict}${listed(refused)}`
}
