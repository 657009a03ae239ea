/**
 * Which rows speak of everything that another one speaks of, and which speak of nothing in common.
 *
 * `covers` never says yes wrongly, `overlaps` never says no wrongly: findings are built on those two answers. Where the
 * truth would need more than a comparison of patterns, the answer is the other one.
 */
import { type Condition, criteriaOf } from '../conditions/condition.ts'
import { coversDomain } from '../domains.ts'
import { isOfHostTokens, mayBeOfClusterTokens } from '../resources.ts'
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'
import { coversAction, overlapsAction } from './actions.ts'
import { createMembers, type Members } from './members.ts'
import { implies } from './satisfiable.ts'

export interface Coverage {
  /** Whatever fits `narrow` in domain, subject, resource, action fits `wide`, and the condition of `wide` asks no more. */
  readonly covers: (wide: Row, narrow: Row) => boolean
  /** The same of the hosts and paths alone. */
  readonly coversPlace: (wide: Row, narrow: Row) => boolean
  /** The same of the subjects alone. */
  readonly coversSubject: (wide: Row, narrow: Row) => boolean
  /** Wherever the condition of `narrow` lets its row apply, that of one of `wide` lets its own, with the same logins. */
  readonly coversCondition: (wide: readonly Row[], narrow: Row) => boolean
  /** Some request may fit both in domain, resource and action. */
  readonly overlaps: (one: Row, other: Row) => boolean
  readonly members: Members
}

export function createCoverage(roles: readonly RoleRow[]): Coverage {
  const members = createMembers(roles)
  const coversSubject = (wide: Row, narrow: Row): boolean => coversNames(wide, narrow, members)
  const coversPlace = (wide: Row, narrow: Row): boolean =>
    coversDomain(wide.domain, narrow.domain) && coversResource(wide, narrow)
  const coversWhen = createConditionCoverage()
  return {
    covers: (wide, narrow) =>
      coversPlace(wide, narrow) &&
      coversAction(wide, narrow) &&
      coversSubject(wide, narrow) &&
      coversWhen([wide], narrow),
    coversPlace,
    coversSubject,
    coversCondition: coversWhen,
    overlaps: (one, other) =>
      (coversDomain(one.domain, other.domain) || coversDomain(other.domain, one.domain)) &&
      overlapsAction(one, other) &&
      overlapsResource(one.resource, other.resource) &&
      !isExcepted(one, other) &&
      !isExcepted(other, one),
    members,
  }
}

/** Rows with an equal condition share its answer. */
function createConditionCoverage(): Coverage['coversCondition'] {
  const known = new Map<string, boolean>()
  return (wide, narrow) => {
    if (wide.some(({ condition }) => coversCondition(condition, narrow.condition))) return true
    const key = JSON.stringify([narrow, ...wide].map(({ condition, isDeny }) => [condition, isDeny]))
    const answer =
      known.get(key) ?? (wide.every(row => row.isDeny || !isAgainstLogin(row.when)) && implies(narrow, wide))
    known.set(key, answer)
    return answer
  }
}

/**
 * Threat: a row asks for `gold`, another one for no `silver`, and whoever has logged in as `silver` is sent to log in for the
 * first one alone. No login is asked for what a condition denies.
 */
function isAgainstLogin(condition: Condition): boolean {
  if (condition.kind === 'not') return [...criteriaOf(condition)].some(({ stepUp }) => stepUp !== undefined)
  return condition.kind !== 'criterion' && condition.of.some(isAgainstLogin)
}

/** A row that denies meets whoever answers to its subject, in any spelling; no row that allows covers one that denies. */
function coversNames(wide: Row, narrow: Row, { leavesOf, namesOf }: Members): boolean {
  if (wide.whom === narrow.whom || wide.subject === 'anyone') return true
  const leaves = leavesOf(narrow)
  const met = leaves.size === 0 ? [narrow.subject] : [...leaves]
  return met.every(leaf => namesOf(narrow, leaf).has(wide.whom))
}

/** Fewer terms ask less. */
export function coversCondition(wide: string, narrow: string): boolean {
  const terms = new Set(termsOf(narrow))
  return termsOf(wide).every(term => terms.has(term))
}

export const termsOf = (condition: string): string[] =>
  condition === '-' ? [] : condition.split('&').map(term => term.replaceAll(/\s/g, ''))

interface Segments {
  readonly fixed: readonly string[]
  /** Ends with `**`. */
  readonly isOpen: boolean
}

/** `undefined` for a regular expression. */
export function segmentsOf(resource: string): Segments | undefined {
  if (resource.startsWith('re:')) return undefined
  const segments = resource === '/' ? [] : resource.slice(1).replace(/\/$/, '').split('/')
  const isOpen = segments.at(-1) === '**'
  return { fixed: isOpen ? segments.slice(0, -1) : segments, isOpen }
}

/** Characters that stand for themselves in patterns and in canonical paths. */
const plain = /^[A-Za-z0-9._~-]+$/
const plainOrStar = /^[A-Za-z0-9._~*-]+$/

function coversResource(wide: Row, narrow: Row): boolean {
  // What the wider row leaves out must be nothing of the narrower one.
  return coversBase(wide, narrow) && (wide.except ?? []).every(exception => leavesOut(narrow, exception))
}

const leavesOut = ({ resource, except = [] }: Row, exception: string): boolean =>
  !overlapsResource(resource, exception) || except.some(own => coversPattern(own, exception))

/** All of a row's paths are exceptions of the other. */
const isExcepted = ({ resource }: Row, { except = [] }: Row): boolean =>
  except.some(exception => coversPattern(exception, resource))

function coversBase(wide: Row, narrow: Row): boolean {
  if (isOfHostTokens(wide) && mayBeOfClusterTokens(narrow)) return false
  if (wide.resource === narrow.resource || isEverything(wide.resource)) return true
  const inner = segmentsOf(narrow.resource)
  if (inner === undefined) return false
  if (!inner.isOpen && inner.fixed.every(segment => plain.test(segment))) {
    return wide.fitsResource(`/${inner.fixed.join('/')}`)
  }
  return coversPattern(wide.resource, narrow.resource)
}

/** Of patterns without exceptions. */
function coversPattern(wide: string, narrow: string): boolean {
  const [outer, inner] = [segmentsOf(wide), segmentsOf(narrow)]
  if (outer === undefined || inner === undefined || (!outer.isOpen && inner.isOpen)) return false
  const fitsLength = outer.isOpen ? outer.fixed.length <= inner.fixed.length : outer.fixed.length === inner.fixed.length
  return fitsLength && outer.fixed.every((segment, index) => coversSegment(segment, inner.fixed[index] ?? ''))
}

export const isEverything = (resource: string): boolean => ['/**', 're:.*', 're:/.*'].includes(resource)

function coversSegment(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === '*') return true
  return plain.test(narrow) && plainOrStar.test(wide) && fitsStars(wide, narrow)
}

function overlapsResource(one: string, other: string): boolean {
  const [left, right] = [segmentsOf(one), segmentsOf(other)]
  if (left === undefined || right === undefined) return true
  const [short, long] = left.fixed.length <= right.fixed.length ? [left, right] : [right, left]
  if (short.fixed.length < long.fixed.length && !short.isOpen) return false
  return short.fixed.every((segment, index) => overlapsSegment(segment, long.fixed[index] ?? ''))
}

/** Two texts without stars that differ; or a text and a pattern that it does not fit. */
function overlapsSegment(one: string, other: string): boolean {
  if (!plainOrStar.test(one) || !plainOrStar.test(other)) return true
  if (one.includes('*') && other.includes('*')) return true
  return one.includes('*') ? fitsStars(one, other) : fitsStars(other, one)
}

function fitsStars(pattern: string, text: string): boolean {
  const source = pattern.split('*').map(piece => piece.replaceAll('.', '\\.'))
  return new RegExp(`^${source.join('.+')}$`).test(text)
}
