/** What the matcher of a Casbin model asks, read without running it. */
import { closing, split, withoutTexts } from './alternatives.ts'
import { functionNames, patternFunctions } from './functions.ts'
import { type Comparison, comparisonOf } from './unmet.ts'

export interface Call {
  readonly name: string
  /** As they are written, with `r_` and `p_` in front of fields. */
  readonly values: readonly string[]
}

export interface Matcher {
  readonly calls: readonly Call[]
  /** Alternatives (`||` outside of all parentheses) that look at no field of a row. */
  readonly withoutRow: readonly string[]
  /** Whether the host is compared, exactly, in every alternative. */
  readonly comparesDomain: boolean
  /**
   * In every alternative `r.sub` is `p.sub` or has it as a role, everywhere or in the host that is asked about: a row that names
   * nobody whom `r.sub` could be matches nothing.
   */
  readonly comparesSubject: boolean
  /** How each field of a request is compared with that of a row, by its name; absent where some alternative does not ask. */
  readonly compared: ReadonlyMap<string, Comparison>
  /** Names of the role definitions by which `r.sub` is compared with a field of a row. */
  readonly subjectLinks: ReadonlySet<string>
}

export interface MatcherWords {
  readonly request: readonly string[]
  readonly row: readonly string[]
  readonly roles: readonly string[]
}

/** `text` is the matcher as Casbin keeps it. Adds a sentence to `problems` for whatever could not be asked. */
export function readMatcher(text: string, words: MatcherWords, problems: string[]): Matcher {
  const plain = withoutTexts(text)
  const calls = callsIn(text, plain)
  checkFields(plain, words, problems)
  checkCalls(calls, words, problems)
  if (!/\bp_\w/.test(plain)) problems.push('the matcher looks at no row, so that rows would count for nothing')
  const alternatives = split(text, plain, '||')
  // `a && b ? c : d` is a choice between c and d, and neither a nor b has to hold.
  const isLogic = !plain.includes('?') && split(text, plain, ',').length === 1
  return {
    calls,
    withoutRow: alternatives.filter(part => !/\bp_\w/.test(withoutTexts(part))),
    comparesDomain:
      isLogic && alternatives.every(part => hasTerm(part, /^(?:r_dom\s*===?\s*p_dom|p_dom\s*===?\s*r_dom)$/)),
    comparesSubject: isLogic && alternatives.every(part => hasTerm(part, subjectTerm(words.roles))),
    compared: new Map(
      (isLogic ? ['dom', 'obj', 'act'] : []).flatMap(field => {
        const comparison = comparisonOf(field, alternatives)
        return comparison === undefined ? [] : [[field, comparison] as const]
      }),
    ),
    subjectLinks: new Set(
      calls.filter(({ name, values }) => words.roles.includes(name) && values[0] === 'r_sub').map(({ name }) => name),
    ),
  }
}

/** Whether one of those that all have to hold is written so. */
const hasTerm = (alternative: string, term: RegExp): boolean =>
  split(alternative, withoutTexts(alternative), '&&').some(part => term.test(part))

function subjectTerm(roles: readonly string[]): RegExp {
  const equal = 'r_sub\\s*===?\\s*p_sub|p_sub\\s*===?\\s*r_sub'
  const byRole = `(?:${roles.join('|')})\\(\\s*r_sub\\s*,\\s*p_sub\\s*(?:,\\s*r_dom\\s*)?\\)`
  return new RegExp(`^(?:${roles.length === 0 ? equal : `${equal}|${byRole}`})$`)
}

function callsIn(text: string, plain: string): Call[] {
  return [...plain.matchAll(/([A-Za-z_]\w*)\s*\(/g)]
    .filter(([, name]) => name !== 'in')
    .map(found => {
      const start = found.index + found[0].length
      const end = closing(plain, start)
      return { name: found[1] ?? '', values: split(text.slice(start, end), plain.slice(start, end), ',') }
    })
}

function checkFields(plain: string, { request, row }: MatcherWords, problems: string[]): void {
  for (const [, kind, name = ''] of plain.matchAll(/\b([rp])_(\w+)/g)) {
    const known = kind === 'r' ? request : row
    if (!known.includes(name)) problems.push(`the matcher names ${kind}.${name}, which the model does not define`)
  }
  if (/\b[rp]_\w+\s*(?:\.|\[)/.test(plain)) {
    problems.push('the matcher asks for a part of a field (r.sub.Age): requests here are texts, without attributes')
  }
  if (/\b[rp]\d+[._]/.test(plain)) problems.push('the matcher names a second definition (r2, p2), and one is used')
}

function checkCalls(calls: readonly Call[], { roles }: MatcherWords, problems: string[]): void {
  for (const { name, values } of calls) {
    if (name === 'eval') {
      problems.push(
        'the matcher has eval(): fields of rows would be code, and whoever writes rows could write anything',
      )
    } else if (!roles.includes(name) && !functionNames.includes(name)) {
      problems.push(
        `the matcher calls ${name}, which is not among ${functionNames.join(', ')} and the role definitions`,
      )
    } else if (patternFunctions.has(name) && /\br_/.test(withoutTexts(values[1] ?? ''))) {
      problems.push(`${name} takes its pattern second: here whoever asks would write it`)
    }
  }
}
