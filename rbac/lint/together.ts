/** Rows that cover another one together, and none of them alone: one reads and one writes, or each is of some of its people. */
import type { Row } from '../row.ts'
import { namedActions } from './actions.ts'
import type { Coverage } from './coverage.ts'

/** Rows at most that are looked at together; of one that needs more nothing is said. */
const mostRows = 8
/** Members of a role at most. */
const mostLeaves = 50

/** Two rows or more without which `row` would decide something; empty where it decides something all the same. */
export function coverTogether(wider: readonly Row[], row: Row, coverage: Coverage): readonly Row[] {
  const leaves = [...coverage.members.leavesOf(row)]
  const candidates = wider.filter(
    other =>
      other !== row && other.isDeny === row.isDeny && coverage.coversPlace(other, row) && !coverage.covers(row, other),
  )
  if (candidates.length < 2 || candidates.length > mostRows || leaves.length > mostLeaves) return []
  const isCovered = (rows: readonly Row[]): boolean => leaves.length > 0 && coversAll(rows, row, { leaves, coverage })
  if (!isCovered(candidates)) return []
  return candidates.reduce<readonly Row[]>((needed, candidate) => {
    const others = needed.filter(other => other !== candidate)
    return isCovered(others) ? others : needed
  }, candidates)
}

interface Whom {
  readonly leaves: readonly string[]
  readonly coverage: Coverage
}

/** For each of its people and each of its methods, wherever its condition holds, one of the rows applies. */
function coversAll(rows: readonly Row[], row: Row, { leaves, coverage }: Whom): boolean {
  const actions = namedActions(row)
  return leaves.every(leaf => {
    const names = coverage.members.namesOf(row, leaf)
    const own = rows.filter(({ whom }) => names.has(whom))
    const bySame = new Map(actions.map(action => [own.map(({ fitsAction }) => fitsAction(action)).join(), action]))
    return [...bySame.values()].every(action => {
      const fitting = own.filter(({ fitsAction }) => fitsAction(action))
      return fitting.length > 0 && coverage.coversCondition(fitting, row)
    })
  })
}
