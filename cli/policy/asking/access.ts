/** Lists what an identity can reach. */
import { type AccessEntry, accessOf } from '../../../rbac/asking/access.ts'
import { evaluateCondition } from '../../../rbac/conditions/condition.ts'
import type { Terminal } from '../../terminal.ts'
import { type AnswerValues, choiceOf, formatTable, printAnswer } from '../answer.ts'
import { loadPolicy } from '../load-policy.ts'
import { type FactValues, parseFacts, parseWho, type WhoValues } from './who-options.ts'

export interface AccessValues extends WhoValues, FactValues, AnswerValues {}

type Listed = Omit<AccessEntry, 'row'> & { readonly now: 'true' | 'false' | 'unknown' }

export function printAccess(values: AccessValues, terminal: Terminal): Promise<number> {
  const answer = async (): Promise<{ readonly entries: readonly Listed[] }> => {
    const { snapshot, config } = await loadPolicy(choiceOf(values), terminal)
    const identity = parseWho(values, config)
    const facts = { identity, context: parseFacts(values, Math.floor(Date.now() / 1000), terminal.cwd) }
    const entries = accessOf(identity, snapshot).entries.map(({ row, ...entry }): Listed => {
      const truth = evaluateCondition(row.when, facts)
      return { ...entry, now: truth === undefined ? 'unknown' : truth ? 'true' : 'false' }
    })
    return { entries }
  }
  return printAnswer(values, terminal, answer, ({ entries }) => format(entries, terminal))
}

const head = ['', 'domain', 'path', 'action', 'condition', 'now', 'rule']

function format(entries: readonly Listed[], { colors }: Terminal): string {
  if (!entries.some(({ effect }) => effect === 'allow')) return 'nothing\n'
  const sorted = [...entries].sort((a, b) => (a.domain === b.domain ? 0 : a.domain < b.domain ? -1 : 1))
  const lines = sorted.map(entry => [
    entry.effect,
    entry.domain,
    entry.resource,
    entry.action,
    entry.condition,
    entry.condition === '-' ? '' : entry.now,
    entry.rule,
  ])
  return formatTable([head, ...lines], (cell, column, line) => {
    if (line === 0 || column === 6) return colors.dim(cell)
    return column === 0 ? (cell === 'deny' ? colors.red(cell) : colors.green(cell)) : cell
  })
}
