/** Lists the rows of a policy that end, with what is left of them. */
import {
  daysLeft,
  type ExpiringRow,
  expiringRows,
  leftText,
  stateOf,
  usualWarning,
} from '../../../rbac/asking/expiring.ts'
import { instantText, parseDuration } from '../../../rbac/conditions/times.ts'
import { rowText } from '../../../rbac/row-text.ts'
import { reportError } from '../../report-error.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import { loadPolicy, type PolicyChoice } from '../load-policy.ts'
import { momentOf } from '../moments.ts'

export interface ExpiringChoice extends PolicyChoice {
  /** A duration such as `30d`. */
  readonly within?: string
  /** RFC 3339. */
  readonly at?: string
  readonly json?: boolean
}

export async function listExpiring(choice: ExpiringChoice, terminal: Terminal): Promise<number> {
  try {
    const now = momentOf(choice.at)
    const within = choice.within === undefined ? Number.POSITIVE_INFINITY : parseWithin(choice.within)
    const { snapshot, config } = await loadPolicy(choice, terminal)
    const warning = config?.policy.expiryWarning ?? usualWarning
    const found = expiringRows(snapshot.rows).filter(({ endsAt }) => endsAt <= now + within)
    const report = { revision: snapshot.revision, rows: found.map(expiring => entryOf(expiring, now, warning)) }
    const text = (): string => textReport(found, now, terminal)
    terminal.write(choice.json === true ? `${JSON.stringify(report, null, 2)}\n` : text())
    return exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

function parseWithin(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new Error('--within: expected a duration such as 30d or 12h')
  }
}

function entryOf(expiring: ExpiringRow, now: number, warning: number) {
  const { row, endsAt } = expiring
  const { id, effect, note, owner } = row
  return {
    id,
    effect,
    state: stateOf(expiring, now, warning),
    ends: instantText(endsAt),
    days: daysLeft(expiring, now),
    text: rowText(row),
    ...(note === undefined ? {} : { note }),
    ...(owner === undefined ? {} : { owner }),
  }
}

function textReport(found: readonly ExpiringRow[], now: number, { colors }: Terminal): string {
  if (found.length === 0) return `${colors.green('ok')}: no row ends\n`
  const lines = found.map(expiring => {
    const { row, endsAt } = expiring
    const remarks = [row.note, row.owner === undefined ? undefined : `of ${row.owner}`].filter(Boolean).join(', ')
    const state = endsAt <= now ? colors.red('over') : 'ends'
    return `${row.id}  ${state} ${leftText(expiring, now)}, ${instantText(endsAt)}  ${rowText(row)}${remarks === '' ? '' : `  # ${remarks}`}`
  })
  return `${lines.join('\n')}\n`
}
