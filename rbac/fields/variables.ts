/**
 * Variables in the fields of a row: `/users/{sub}/**`, `{claim:tenant}.example.com` (docs/policy.md, "Bound to who asks").
 *
 * A variable is one whole segment, or the first label of a host. The field becomes the pattern with a star in its place,
 * and a condition that what stands there is what the person is called: so that index, partition and every answer about
 * rows know patterns and conditions alone.
 */
import { type Condition, type Criterion, criteriaOf } from '../conditions/condition.ts'
import { sameOf } from '../conditions/same/same.ts'
import { isPlace, type PersonTerm, type Term } from '../conditions/same/term.ts'
import { parsePersonTerm, termText } from '../conditions/same/terms.ts'
import { isReservedDomain, parseDomainPattern } from '../domains.ts'
import { ValueError } from '../policy-error.ts'
import { type KnownNames, parseSubject } from '../subjects.ts'
import { unknownName } from '../unknown-name.ts'
import { splitExceptions } from './exceptions.ts'

export interface BoundField {
  /** The field with a star for each variable. */
  readonly pattern: string
  /** What the variables ask for; none for a field without them. */
  readonly terms: readonly BoundTerm[]
}

export interface BoundTerm {
  /** As a term of the condition field is written. */
  readonly text: string
  readonly when: Condition
}

/** Throws `ValueError`. */
export function unbindResource(text: string): BoundField {
  // In a regular expression braces count repetitions.
  if (!/[{}]/.test(text) || text.startsWith('re:')) return { pattern: text, terms: [] }
  const terms: BoundTerm[] = []
  const { base, except } = splitExceptions(text)
  const segments = base.split('/').map((segment, at) => {
    const person = variableOf(segment, 'one whole segment')
    if (person === undefined) return segment
    terms.push(bind({ kind: 'path', at }, person))
    return '*'
  })
  return { pattern: [segments.join('/'), ...(except.length === 0 ? [] : ['except', ...except])].join(' '), terms }
}

/** Throws `ValueError`. */
export function unbindDomain(text: string): BoundField {
  if (!text.includes('{')) return { pattern: text, terms: [] }
  const [label = '', ...rest] = text.split('.')
  const person = variableOf(label, 'the first label')
  if (person === undefined || /[{}]/.test(rest.join('.'))) {
    throw new ValueError('a variable is the first label of a host: {sub}.example.com')
  }
  if (person.kind === 'email') throw new ValueError('no label of a host is an address: {email} never fits')
  const pattern = parseDomainPattern(['*', ...rest].join('.'))
  if (!pattern.startsWith('*.')) throw new ValueError('a variable stands before a domain: {sub}.example.com')
  return { pattern, terms: [bind({ kind: 'host', suffix: pattern.slice(1) }, person)] }
}

function variableOf(text: string, what: string): PersonTerm | undefined {
  if (!/[{}]/.test(text)) return undefined
  const [, name] = /^\{([^{}]*)\}$/.exec(text) ?? []
  if (name === undefined) throw new ValueError(`a variable is ${what}, such as {sub}; a brace itself is %7B or %7D`)
  return parsePersonTerm(name)
}

function bind(place: Term, person: PersonTerm): BoundTerm {
  return {
    text: `${termText(place)} = ${termText(person)}`,
    when: { kind: 'criterion', ...sameOf(place, person) },
  }
}

/** The condition of a row with what its other fields ask for. */
export function withBounds(condition: Condition, bounds: readonly BoundTerm[]): Condition {
  if (bounds.length === 0) return condition
  const isNone = condition.kind === 'all' && condition.of.length === 0
  return { kind: 'all', of: [...bounds.map(({ when }) => when), ...(isNone ? [] : [condition])] }
}

export function textWithBounds(condition: string, bounds: readonly BoundTerm[]): string {
  const texts = bounds.map(({ text }) => text)
  return [...texts, ...(condition === '-' && texts.length > 0 ? [] : [condition])].join(' & ')
}

/**
 * What is wrong with a condition that names or binds, in a row of this domain.
 *
 * Threat: a deny asks for a group of a provider that there is not, and denies nobody.
 *
 * Threat: somebody is called `alice` at a provider where people choose their names, and is taken for the `alice` of another.
 * Threat: a claim `-`, which in a cluster is the place of what belongs to no namespace.
 */
export function problemOfNames(condition: Condition, domain: string, known: KnownNames): string | undefined {
  const { providers } = known
  for (const criterion of criteriaOf(condition)) {
    const { compares, subjects = [] } = criterion
    const unknowable = problemOfAsking(criterion, domain, known) ?? problemOfHeader(criterion, known)
    if (unknowable !== undefined) return unknowable
    const unknown = subjects.map(subject => problemOfSubject(subject, known)).find(problem => problem !== undefined)
    if (unknown !== undefined) return unknown
    if (compares?.some(isPlace) !== true) continue
    if (isReservedDomain(domain)) return 'a variable stands in rows of hosts: paths are names of their own here'
    for (const term of compares) {
      const problem = isPlace(term) ? undefined : problemOfProvider(term, providers)
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

/** Threat: a deny by a header that every proxy takes away before it asks, and that denies nobody any more. */
function problemOfHeader({ type, argument }: Criterion, { writtenHeaders = [] }: KnownNames): string | undefined {
  if (type !== 'header') return undefined
  const name = String(Reflect.get(Object(argument), 'name')).toLowerCase()
  if (!writtenHeaders.includes(name)) return undefined
  return `the header ${name} is what applications are told (identityHeaders and claimHeaders of the configuration), and what clients send in it is dropped: no condition can read it`
}

/** Threat: a row hangs on an answer that nobody will ever give, and denies or lets in nobody, or everybody. */
function problemOfAsking({ asks: decider }: Criterion, domain: string, { deciders }: KnownNames): string | undefined {
  if (decider === undefined) return undefined
  if (isReservedDomain(domain)) return `a decider is asked about hosts, and not about ${domain}`
  return deciders?.includes(decider) === false ? unknownName('decider', decider, deciders) : undefined
}

function problemOfSubject(subject: string, known: KnownNames): string | undefined {
  try {
    parseSubject(subject, known)
    return undefined
  } catch (error) {
    if (error instanceof ValueError) return error.message
    throw error
  }
}

function problemOfProvider(term: PersonTerm, providers: readonly string[] | undefined): string | undefined {
  if (providers === undefined) return undefined
  const { provider } = term
  if (provider !== undefined && !providers.includes(provider)) {
    return unknownName('provider', provider, providers)
  }
  if (provider !== undefined || providers.length < 2) return undefined
  const text = termText(term)
  return `"${text}" of several providers may be several people: write ${text}@${providers[0]}, and a row for each`
}
