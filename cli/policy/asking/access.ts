/** Lists what an identity can reach. */
import { type AccessEntry, accessOf } from '../../../rbac/asking/access.ts'
import { isOutsideOf } from '../../../rbac/asking/calls/call.ts'
import { evaluateCondition } from '../../../rbac/conditions/condition.ts'
import { isKubernetesDomain } from '../../../rbac/domains.ts'
import type { Row } from '../../../rbac/row.ts'
import type { Terminal } from '../../terminal.ts'
import { type AnswerValues, choiceOf, formatTable, printAnswer } from '../answer.ts'
import { loadPolicy } from '../load-policy.ts'
import { type FactValues, parseFacts, parseWho, type WhoValues } from './who-options.ts'

interface Answer {
  readonly entries: readonly Listed[]
  /** Clusters whose rows speak of this identity, for which the gateway makes no call. */
  readonly outside: readonly string[]
  /** Hosts that a Casbin model decides about, of which nobody can list what it allows. */
  readonly notListed: readonly string[]
}

export interface AccessValues extends WhoValues, FactValues, AnswerValues {}

type Listed = Omit<AccessEntry, 'row'> & {
  readonly now: 'true' | 'false' | 'unknown'
  /** Calls that this entry allows in part only. */
  readonly notAlone?: readonly string[]
}

export function printAccess(values: AccessValues, terminal: Terminal): Promise<number> {
  const answer = async (): Promise<Answer> => {
    const { snapshot, config } = await loadPolicy(choiceOf(values), terminal)
    const identity = parseWho(values, config)
    const facts = { identity, context: parseFacts(values, Math.floor(Date.now() / 1000), terminal.cwd, snapshot) }
    const all = accessOf(identity, snapshot).entries
    const within = all.filter(({ domain }) => !isOutsideOf(domain, identity))
    const entries = within.map(({ row, ...entry }): Listed => {
      const truth = evaluateCondition(row.when, facts)
      const now = truth === undefined ? 'unknown' : truth ? 'true' : 'false'
      const alone = row.isDeny ? [] : notAlone(row)
      return { ...entry, now, ...(alone.length === 0 ? {} : { notAlone: alone }) }
    })
    const outside = [...new Set(all.filter(entry => !within.includes(entry)).map(({ domain }) => domain))]
    return { entries, outside, notListed: snapshot.casbin?.domains ?? [] }
  }
  return printAnswer(values, terminal, answer, given => format(given, terminal))
}

/** Calls to a cluster that a row allows in part: the entry by itself lets nobody make them. */
function notAlone({ domain, fitsAction }: Row): readonly string[] {
  if (!isKubernetesDomain(domain)) return []
  return [
    ...(fitsAction('patch') && !fitsAction('create') ? ['a server-side apply, which is create as well'] : []),
    ...(fitsAction('update') && !fitsAction('create') ? ['a PUT that may create, which is create as well'] : []),
    ...(fitsAction('get') && !fitsAction('create')
      ? ['exec, attach, port-forward and what is upgraded, which are create']
      : []),
  ]
}

const head = ['', 'domain', 'path', 'action', 'condition', 'now', 'rule']

function format({ entries, outside, notListed }: Answer, { colors }: Terminal): string {
  const unmade = [
    outside.length === 0 ? '' : `  Nothing in ${outside.join(', ')}: the gateway takes people with a login only.\n`,
    notListed.length === 0 ? '' : `  Not listed: ${notListed.join(', ')}, which a Casbin model decides about.\n`,
  ].join('')
  if (!entries.some(({ effect }) => effect === 'allow')) return `nothing\n${unmade}`
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
  const table = formatTable([head, ...lines], (cell, column, line) => {
    if (line === 0 || column === 6) return colors.dim(cell)
    return column === 0 ? (cell === 'deny' ? colors.red(cell) : colors.green(cell)) : cell
  })
  const partly = sorted.flatMap(({ rule, notAlone: calls = [] }) => calls.map(call => `  ${rule}: not ${call}\n`))
  return `${table}${partly.length === 0 ? '' : `\nBy an entry alone nobody makes\n${partly.join('')}`}${unmade}`
}
