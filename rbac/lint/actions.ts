/** What the actions of rows have in common, method by method. */
import { namesIn } from '../actions.ts'
import { knownMethods } from '../request/methods.ts'
import type { Row } from '../row.ts'

/** One method and one verb that nobody writes stand for all those that are known to no row. */
const others = ['QQQQQQQQQQQQQQQQQQQQ', 'qqqqqqqqqqqqqqqqqqqq']
const universe: readonly string[] = [...knownMethods, ...others]
const isInUniverse: ReadonlySet<string> = new Set(universe)

interface ActionSet {
  /** A bit for each of the universe. */
  readonly bits: bigint
  /** Names that the row writes beside them. */
  readonly own: readonly string[]
}

/** Rows with an equal action share its compiled form. */
const sets = new WeakMap<Row['fitsAction'], ActionSet>()

function setOf({ action, domain, fitsAction }: Row): ActionSet {
  const known = sets.get(fitsAction)
  if (known !== undefined) return known
  const bits = universe.reduce((sum, name, index) => (fitsAction(name) ? sum | (1n << BigInt(index)) : sum), 0n)
  const set = { bits, own: namesIn(action, domain).filter(name => !isInUniverse.has(name)) }
  sets.set(fitsAction, set)
  return set
}

/** What a row speaks of, by name; one name that nobody writes stands for all those that are known to no row. */
export const namedActions = (row: Row): readonly string[] => [...universe.filter(row.fitsAction), ...setOf(row).own]

export function coversAction(wide: Row, narrow: Row): boolean {
  const { bits, own } = setOf(narrow)
  return (bits & ~setOf(wide).bits) === 0n && own.every(name => wide.fitsAction(name))
}

export function overlapsAction(one: Row, other: Row): boolean {
  const [left, right] = [setOf(one), setOf(other)]
  if ((left.bits & right.bits) !== 0n) return true
  return left.own.some(name => other.fitsAction(name)) || right.own.some(name => one.fitsAction(name))
}

/** Methods and verbs that both speak of, by name; `others` when they have all in common that no row names. */
export function sharedActions(one: Row, other: Row): { readonly names: readonly string[]; readonly others: boolean } {
  const both = (name: string): boolean => one.fitsAction(name) && other.fitsAction(name)
  const own = [...setOf(one).own, ...setOf(other).own]
  return { names: [...new Set([...knownMethods, ...own])].filter(both), others: others.some(both) }
}
