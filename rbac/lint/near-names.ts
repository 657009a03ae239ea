/**
 * Groups, roles and hosts whose names are so near that one may be a slip of the other: `ops` and `opps`.
 *
 * Names that count or number (`team-1`, `team-2`) are a series, and short words are near to many others: neither is
 * said. Each pair is found by what is left of both without one character, so that twenty thousand names stay quick.
 */
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'
import { subjectsAskedFor } from './conditions.ts'
import type { Report } from './finding.ts'

interface Use {
  readonly name: string
  /** Where it stands first. */
  readonly id: string
  /** How many lines name it. */
  count: number
}

/** Names of somebody or something outside, of which nearness says nothing: `user:<issuer>#a1` and `#a2` are two. */
const foreign = [/^email:/, /^user:/, /^client:/, /^service-account:/, /^certificate:/]

/** Findings at most for each kind: whoever has more has a habit and no slip. */
const mostFindings = 20

export function findNearNames(rows: readonly Row[], roles: readonly RoleRow[], report: Report): void {
  const named = [
    ...rows.flatMap(({ id, subject, domain }) => [
      { id, name: subject },
      { id, name: domain },
    ]),
    ...roles.flatMap(({ id, member, role, domain }) => [
      { id, name: member },
      { id, name: role },
      { id, name: domain },
    ]),
    ...subjectsAskedFor(rows),
  ]
  for (const kind of [/^group:/, /^role:/, /^(?!group:|role:)[^:@]*\./]) {
    const uses = usesOf(named.filter(({ name }) => kind.test(name)))
    for (const [one, other] of nearPairs(uses)) reportPair(one, other, report)
  }
  for (const kind of foreign) reportSpelledAlike(usesOf(named.filter(({ name }) => kind.test(name))), report)
}

/** Names of conditions, of which two that differ by case alone are two conditions. */
export function findNearConditions(
  names: readonly { readonly id: string; readonly name: string }[],
  report: Report,
): void {
  reportSpelledAlike(usesOf(names), report)
}

function reportSpelledAlike(uses: readonly Use[], report: Report): void {
  const first = new Map<string, Use>()
  const pairs = uses.flatMap((use): (readonly [Use, Use])[] => {
    const spelling = use.name.normalize('NFKC').toLowerCase()
    const alike = first.get(spelling)
    if (alike === undefined) first.set(spelling, use)
    return alike === undefined ? [] : [[alike, use]]
  })
  for (const [one, other] of pairs.slice(0, mostFindings)) reportPair(one, other, report)
}

function usesOf(named: readonly { readonly id: string; readonly name: string }[]): readonly Use[] {
  const uses = new Map<string, Use>()
  for (const { id, name } of named) {
    const use = uses.get(name)
    if (use === undefined) uses.set(name, { name, id, count: 1 })
    else use.count += 1
  }
  return [...uses.values()]
}

/** The one that fewer lines name is more likely the slip, and of two alike the later one. */
function reportPair(one: Use, other: Use, report: Report): void {
  const [slip, meant] = one.count < other.count ? [one, other] : [other, one]
  const lines = `${meant.count} ${meant.count === 1 ? 'line' : 'lines'}, first ${meant.id}`
  const message = `${slip.name} is nearly ${meant.name} (${lines})`
  report('near-names', slip.id, { message, advice: 'correct it, if they are meant to be one', severity: 'note' })
}

function nearPairs(uses: readonly Use[]): readonly (readonly [Use, Use])[] {
  const pairs: (readonly [Use, Use])[] = []
  const series = new Set<string>()
  const spelled = new Map<string, Use>()
  const byRest = new Map<string, Use[]>()
  for (const use of uses) {
    const folded = fold(use.name)
    const spelling = `${folded} ${digits(use.name)}`
    const alike = spelled.get(spelling)
    if (alike === undefined) spelled.set(spelling, use)
    else pairs.push([alike, use])
    // Numbers apart, one of a series stands for all of it.
    if (series.has(folded)) continue
    series.add(folded)
    const rests = restsOf(folded)
    const near = new Set(rests.flatMap(rest => byRest.get(rest) ?? []))
    for (const other of near) if (isNear(fold(other.name), folded)) pairs.push([other, use])
    if (pairs.length >= mostFindings) return pairs.slice(0, mostFindings)
    for (const rest of rests) {
      const others = byRest.get(rest)
      if (others === undefined) byRest.set(rest, [use])
      else others.push(use)
    }
  }
  return pairs
}

/** Without case, accents' form, numbers and what words are joined by. */
const fold = (name: string): string =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/\d+/g, '#')
    .replaceAll(/[\s_-]+/g, '-')

const digits = (name: string): string => name.replaceAll(/\D+/g, ' ')

/** A name of a paragraph's length is nobody's slip. */
const longest = 64

/** The name, and the name without each of its characters. */
function restsOf(name: string): string[] {
  if (name.length > longest) return []
  return [name, ...Array.from(name, (_, at) => name.slice(0, at) + name.slice(at + 1))]
}

/** One word differs: by a letter more, by two letters that changed places, or in a long word by another letter. */
function isNear(one: string, other: string): boolean {
  const [left, right] = [one.split(/[-./,=:]/), other.split(/[-./,=:]/)]
  if (left.length !== right.length) return left.join('') === right.join('')
  const [at, ...more] = left.flatMap((word, index) => (word === right[index] ? [] : [index]))
  if (at === undefined || more.length > 0) return false
  const [short = '', long = ''] = [left[at] ?? '', right[at] ?? ''].sort((a, b) => a.length - b.length)
  if (short.includes('#') || long.includes('#')) return false
  if (long.length === short.length + 1) return short.length >= 3
  return short.length === long.length && isSlip(short, long)
}

function isSlip(one: string, other: string): boolean {
  const at = [...one].flatMap((letter, index) => (letter === other[index] ? [] : [index]))
  if (at.length === 1) return one.length >= 5
  const [first = 0, second = 0] = at
  return at.length === 2 && second === first + 1 && one[first] === other[second] && one[second] === other[first]
}
