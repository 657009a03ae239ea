/**
 * `same: [path:2, sub]`: two things say the same, one of them about the person who asks (docs/policy.md, "Bound to who
 * asks"; docs/adr/0075-bound-to-who-asks.md).
 *
 * Threat: a name that is made to fit somebody else's folder: `..`, `a/b`, `*`, `Alice` beside `alice`, `é` in two pieces.
 * True only for the same text to the letter, of characters that no server reads as anything else. What a server might take
 * for the same is unknown, so that it opens nothing and keeps a deny.
 */
import { ValueError } from '../../policy-error.ts'
import { foldSpelling } from '../../subjects.ts'
import { parseTexts } from '../arguments.ts'
import type { Criterion, Facts, Truth } from '../condition.ts'
import { isPlace, type Term } from './term.ts'
import { parseTerm, saidOf, termText } from './terms.ts'

/** Letters, digits and these, no dot at either end: one segment, and read alike everywhere. */
const plainName = /^(?!\.)[\p{L}\p{M}\p{N}._@+=:|-]{1,255}(?<!\.)$/u
/** One label of a host in its canonical form (RFC 1123 section 2.1; underscores where a host may have them). */
const plainLabel = /^[a-z0-9_-]{1,63}$/

/** Throws `ValueError`. */
export function same(value: unknown): Criterion {
  const [one, other, ...more] = parseTexts(value, 'two things to compare').map(parseTerm)
  if (one === undefined || other === undefined || more.length > 0)
    throw new ValueError('expected two things to compare')
  return sameOf(one, other)
}

/** Throws `ValueError` where neither is about the person. */
export function sameOf(one: Term, other: Term): Criterion {
  if (isPlace(one) && isPlace(other)) throw new ValueError('one of the two has to be about who asks, such as sub')
  if (termText(one) === termText(other)) throw new ValueError('the two are one and the same')
  const forms = formsOf([one, other])
  return {
    type: 'same',
    argument: [termText(one), termText(other)],
    compares: [one, other],
    test: facts => compareAll(valuesOf(one, facts, forms), valuesOf(other, facts, forms)),
  }
}

/** What may be the same (`fits`), and what is a name that can be told from others (`isPlain`). */
interface Forms {
  readonly fits: RegExp
  readonly isPlain: RegExp
}

const anyText: Forms = { fits: /./s, isPlain: /./s }
const ofPath: Forms = { fits: plainName, isPlain: plainName }
/** Beyond ASCII a host has other letters than a claim (RFC 5891). */
const ofHost: Forms = { fits: plainLabel, isPlain: /^(?!\.)[A-Za-z0-9._@+=:|-]{1,255}(?<!\.)$/ }

function formsOf(terms: readonly Term[]): Forms {
  if (terms.some(({ kind }) => kind === 'host')) return ofHost
  return terms.some(isPlace) ? ofPath : anyText
}

/** `undefined`: it is there, and nobody can tell what it is the same as. */
type Value = { readonly text: string; readonly folded: string; readonly fits: boolean } | undefined
type Values = readonly Value[] | undefined

const valuesOf = (term: Term, facts: Facts, forms: Forms): readonly Values[] =>
  saidOf(term, facts).map(values => values?.map(value => valueIn(value, forms)))

function valueIn(value: unknown, { fits, isPlain }: Forms): Value {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof text !== 'string' || !isPlain.test(text)) return undefined
  return { text, folded: foldSpelling(text), fits: fits.test(text) }
}

/** However the path is read, the answer has to be one. */
function compareAll(ones: readonly Values[], others: readonly Values[]): Truth {
  const truths = new Set(ones.flatMap(one => others.map(other => compare(one, other))))
  const [truth] = truths
  return truths.size === 1 ? truth : undefined
}

/** Of lists, some pair has to be the same. */
function compare(one: Values, other: Values): Truth {
  if (one === undefined || other === undefined) return undefined
  const truths = one.flatMap(left => other.map(right => compareValues(left, right)))
  if (truths.includes(true)) return true
  return truths.includes(undefined) ? undefined : false
}

function compareValues(left: Value, right: Value): Truth {
  if (left === undefined || right === undefined) return undefined
  if (left.text === right.text && left.fits && right.fits) return true
  return left.folded === right.folded ? undefined : false
}
