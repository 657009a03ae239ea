/** What a route of Pomerium allows and denies: its shorthands, and blocks of criteria under `policy`. */
import type { Located } from '../located.ts'
import type { ImportOptions } from '../options.ts'
import { bothOf } from '../subjects.ts'
import { type Criterion, criterionOf, everyTerm, noTerm, type Term } from './criteria.ts'

/** Keys of a route that allow without a block. */
export const shorthands = [
  'allow_public_unauthenticated_access',
  'allow_any_authenticated_user',
  'allowed_users',
  'allowed_domains',
  'allowed_groups',
  'allowed_idp_claims',
]

export interface Sides {
  readonly allow: readonly Term[]
  readonly deny: readonly Term[]
  /** Everything that denies could be said; otherwise nothing may be allowed. */
  readonly isComplete: boolean
}

export function readPolicy(item: Located, options: ImportOptions): Sides {
  const allow: Term[] = []
  const deny: Term[] = []
  let isComplete = true
  for (const [key, value] of item.fields ?? []) allow.push(...shorthand(key, value, options))
  const policy = item.fields?.get('policy')
  const blocks = policy?.items ?? (policy === undefined ? [] : [policy])
  // What is no mapping may be one once somebody has rendered it, with what it denies.
  if (blocks.some(({ fields }) => fields === undefined)) isComplete = false
  for (const [effect, block] of blocks.flatMap(one => [...(one.fields ?? [])])) {
    if (effect === 'allow') allow.push(...termsOf(block, 'inner', options))
    else if (effect === 'deny') {
      const terms = termsOf(block, 'outer', options)
      deny.push(...terms)
      if (terms.some(isEverything)) isComplete = false
    } else {
      isComplete = false
      options.report.leftOut(block.line, effect, 'neither allow nor deny', 'Write the rows of this route yourself.')
    }
  }
  if (!isComplete)
    options.report.leftOut(
      item.line,
      'the route',
      'not everything that it denies can be said, so nothing of it is allowed',
      'Write the rows of this route yourself.',
    )
  return { allow, deny, isComplete }
}

const isEverything = ({ who, conditions, methods, paths }: Term): boolean =>
  who === undefined && conditions.length === 0 && methods === undefined && paths === undefined

function shorthand(key: string, value: Located, options: ImportOptions): readonly Term[] {
  const criterion = (name: string, data: Located): readonly Term[] => criterionOf(name, data, options).inner
  if (key === 'allow_public_unauthenticated_access') return value.scalar === true ? everyTerm : noTerm
  if (key === 'allow_any_authenticated_user')
    return value.scalar === true ? criterion('authenticated_user', value) : noTerm
  if (key === 'allowed_users') return (value.items ?? []).flatMap(item => criterion('email', item))
  if (key === 'allowed_groups') return (value.items ?? []).flatMap(item => criterion('groups', item))
  if (key === 'allowed_domains') return (value.items ?? []).flatMap(item => criterion('domain', item))
  if (key !== 'allowed_idp_claims') return noTerm
  return [...(value.fields ?? [])].flatMap(([claim, values]) =>
    (values.items ?? [values]).flatMap(item => criterion(`claim/${claim}`, item)),
  )
}

/** Terms any of which makes a block hold; its operators are alternatives of each other. */
function termsOf(block: Located, side: 'inner' | 'outer', options: ImportOptions): readonly Term[] {
  if (block.fields === undefined) return side === 'inner' ? noTerm : everyTerm
  return [...block.fields].flatMap(([operator, { items, line }]) => {
    const criteria = (items ?? []).flatMap(item =>
      [...(item.fields ?? [])].map(([key, data]) => criterionOf(key, data, options)),
    )
    if (items === undefined || items.some(({ fields }) => fields?.size !== 1)) {
      options.report.leftOut(line, operator, 'expected a list of criteria', 'Write the rows of this route yourself.')
      return side === 'inner' ? noTerm : everyTerm
    }
    if (criteria.length === 0) return noTerm
    const positive = (criterion: Criterion): readonly Term[] => criterion[side]
    const negative = (criterion: Criterion): readonly Term[] =>
      side === 'inner' ? criterion.notInner : criterion.notOuter
    switch (operator) {
      case 'and':
        return product(criteria.map(positive), side, options)
      case 'or':
        return criteria.flatMap(positive)
      // `not`: none of them; `nor`: not all of them.
      case 'not':
        return product(criteria.map(negative), side, options)
      case 'nor':
        return criteria.flatMap(negative)
      default:
        options.report.leftOut(line, operator, 'expected and, or, not or nor', 'Write the rows of this route yourself.')
        return side === 'inner' ? noTerm : everyTerm
    }
  })
}

function product(sets: readonly (readonly Term[])[], side: 'inner' | 'outer', options: ImportOptions): readonly Term[] {
  return sets.reduce(
    (left, right) => left.flatMap(one => right.flatMap(two => meet(one, two, side, options))),
    everyTerm,
  )
}

/** Both at once. Where that cannot be said, nothing (inner) or the first of them alone (outer). */
function meet(one: Term, two: Term, side: 'inner' | 'outer', options: ImportOptions): readonly Term[] {
  const who =
    one.who === undefined || two.who === undefined
      ? (one.who ?? two.who)
      : bothOf(one.who, two.who, options.names, options)
  const isPeopleLost = who === undefined && (one.who ?? two.who) !== undefined
  const isPathLost = one.paths !== undefined && two.paths !== undefined
  if (isPeopleLost || isPathLost) return side === 'inner' ? noTerm : [one]
  const methods =
    one.methods !== undefined && two.methods !== undefined
      ? one.methods.filter(name => two.methods?.includes(name))
      : (one.methods ?? two.methods)
  if (methods?.length === 0) return noTerm
  const paths = one.paths ?? two.paths
  return [
    {
      conditions: [...one.conditions, ...two.conditions],
      ...(who === undefined ? {} : { who }),
      ...(methods === undefined ? {} : { methods }),
      ...(paths === undefined ? {} : { paths }),
    },
  ]
}
