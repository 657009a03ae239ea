/**
 * Criteria that look at the same fact, and which of them can be true of it at once.
 *
 * Of each fact so many values are tried, by the criteria themselves, that between two of them nothing can change: the edges
 * of networks, of windows and of ages, each value that a list names and one that none does. So what is found is every
 * combination of truths that there is. A criterion whose fact is not known here may be anything.
 */
import type { Facts, Truth } from '../conditions/condition.ts'
import { asRead } from '../conditions/header.ts'
import { preflightHeaders } from '../conditions/preflight.ts'
import { addressEdges, type Criterion, dateEdges, timeEdges } from './edges.ts'

/** What the criteria of a list are at once, in their order. */
export type Truths = readonly Truth[]

/** Criteria that hang on one fact, with every combination of truths that it can give them. */
export interface Axis {
  readonly criteria: readonly Criterion[]
  readonly truths: readonly Truths[]
}

/** Combinations of one fact at most: beyond, nobody can say. */
const mostOfFact = 256

/**
 * `undefined` when there are too many.
 * @param now seconds since the epoch; what is over by then is false. Default: any time
 */
export function axesOf(criteria: readonly Criterion[], now?: number): readonly Axis[] | undefined {
  const byFact = new Map<string, { readonly fact: Fact | undefined; readonly criteria: Criterion[] }>()
  for (const [index, criterion] of criteria.entries()) {
    const fact = factOf(criterion)
    const key = fact?.name ?? `${index}`
    const known = byFact.get(key)
    if (known === undefined) byFact.set(key, { fact, criteria: [criterion] })
    else known.criteria.push(criterion)
  }
  const axes = [...byFact.values()].map(({ fact, criteria: own }): Axis => {
    const truths = fact === undefined ? own.flatMap(criterion => freeTruths(criterion, now)) : truthsOf(fact, own, now)
    return { criteria: own, truths: distinct(truths) }
  })
  return axes.some(({ truths }) => truths.length > mostOfFact) ? undefined : axes
}

/** Their truth is always known (docs/policy.md, "Conditions"). */
const neverUnknown: ReadonlySet<string> = new Set(['time-window', 'date-window'])

function freeTruths({ type, isOver }: Criterion, now: number | undefined): readonly Truths[] {
  if (now !== undefined && isOver?.(now) === true) return [[false]]
  return neverUnknown.has(type) ? [[true], [false]] : [[true], [false], [undefined]]
}

function distinct(truths: readonly Truths[]): readonly Truths[] {
  return [...new Map(truths.map(own => [own.map(String).join(), own])).values()]
}

interface Fact {
  /** Criteria of one name look at the same fact. */
  readonly name: string
  /** Facts of which nothing can be said together. */
  readonly alone: (criteria: readonly Criterion[], now: number | undefined) => readonly Facts[]
  /** Facts that may be had together, as the values of a list: whatever holds of one of them holds of the list. */
  readonly listed?: (criteria: readonly Criterion[]) => readonly Facts[]
}

function truthsOf({ alone, listed }: Fact, criteria: readonly Criterion[], now?: number): readonly Truths[] {
  const at = (facts: Facts): Truths => criteria.map(({ test }) => test(facts))
  const single = alone(criteria, now).map(at)
  return listed === undefined ? single : [...single, ...joined(distinct(listed(criteria).map(at)))]
}

/** Of every list that can be made of the values: true where one is, else unknown where one is. */
function joined(values: readonly Truths[]): readonly Truths[] {
  const found = new Map<string, Truths>()
  const add = (truths: Truths): void => {
    if (found.size <= mostOfFact) found.set(truths.map(String).join(), truths)
  }
  const first = values[0]
  if (first !== undefined) add(first.map(() => false))
  for (const value of values)
    for (const list of [...found.values()]) add(list.map((truth, at) => either(truth, value[at])))
  return [...found.values()]
}

function either(one: Truth, other: Truth): Truth {
  if (one === true || other === true) return true
  return one === undefined || other === undefined ? undefined : false
}

const nobody: Facts = { identity: { kind: 'anonymous' }, context: { now: 0 } }
const inContext = (context: Partial<Facts['context']>): Facts => ({ ...nobody, context: { now: 0, ...context } })
const somebody = { kind: 'user', subject: '', provider: '', groups: [], claims: {} } as const
const loggedIn = (login: object): Facts => ({ ...nobody, identity: { ...somebody, ...login } })

/** A text that no policy writes. */
const other = '\u{10ffff}'

/** `undefined` where it is not known what the criterion looks at, or in a form that is not known here. */
function factOf({ type, argument }: Criterion): Fact | undefined {
  if (type === 'source-network' || type === 'acr' || type === 'authentication-method' || type === 'preflight') {
    return textsOf(argument) === undefined ? undefined : facts[type]
  }
  if (type === 'authentication-age' || type === 'group') return facts[type]
  if (type === 'ask') return answerFact(String(argument))
  if (typeof argument !== 'object' || argument === null) return undefined
  const mapping = argument as Readonly<Record<string, unknown>>
  if (type === 'date-window') return facts[type]
  if (type === 'time-window') return { ...facts[type], name: `${type} ${mapping.zone ?? 'UTC'}` }
  if (type === 'client-certificate') return certificateFact(mapping)
  return saidFact(type, mapping)
}

const facts = {
  'source-network': {
    name: 'source-network',
    alone: criteria => [
      nobody,
      ...addressEdges(criteria.flatMap(({ argument }) => textsOf(argument) ?? [])).map(clientAddress =>
        inContext({ clientAddress }),
      ),
    ],
  },
  acr: {
    name: 'acr',
    alone: criteria => [
      nobody,
      ...[other, ...criteria.flatMap(({ argument }) => textsOf(argument) ?? [])].map(acr => loggedIn({ acr })),
    ],
  },
  'authentication-method': {
    name: 'authentication-method',
    alone: () => [nobody],
    listed: criteria =>
      [other, ...criteria.flatMap(({ argument }) => textsOf(argument) ?? [])].map(method =>
        loggedIn({ amr: [method] }),
      ),
  },
  'authentication-age': {
    name: 'authentication-age',
    alone: criteria => {
      const ages = criteria.flatMap(({ stepUp }) => (stepUp?.kind === 'age' ? [stepUp.maxAgeSeconds] : []))
      return [nobody, ...[0, ...ages.flatMap(age => [age, age + 1])].map(age => loggedIn({ authTime: -age }))]
    },
  },
  preflight: {
    name: 'preflight',
    alone: criteria => [
      nobody,
      ...[undefined, 'UNLISTED', ...criteria.flatMap(({ argument }) => textsOf(argument) ?? [])].map(preflightOf),
    ],
  },
  group: {
    name: 'group',
    alone: () => [nobody],
    listed: criteria =>
      [other, ...criteria.flatMap(({ subjects = [] }) => subjects.map(name => name.slice('group:'.length)))]
        .map(membership)
        .flatMap(member => [loggedIn(member), loggedIn({ ...member, untold: ['groups'] })]),
  },
  'date-window': { name: 'date-window', alone: (criteria, now) => moments(dateEdges(criteria, now)) },
  'time-window': { name: 'time-window', alone: criteria => moments(timeEdges(criteria)) },
} satisfies Readonly<Record<string, Fact>>

function preflightOf(method: string | undefined): Facts {
  const headers = new Map(
    preflightHeaders.map((name, index) => [String(name), index === 0 ? 'https://a.example' : method]),
  )
  return { ...inContext({ header: name => headers.get(name) }), request: { ...somewhere, action: 'OPTIONS' } }
}

/** A name with a slash is that of a group of one provider. */
function membership(name: string): object {
  const slash = name.indexOf('/')
  return slash === -1 ? { groups: [name] } : { provider: name.slice(0, slash), groups: [name.slice(slash + 1)] }
}

const moments = (times: readonly number[]): readonly Facts[] => times.map(now => inContext({ now }))

function textsOf(argument: unknown): readonly string[] | undefined {
  const list = typeof argument === 'string' ? [argument] : argument
  return Array.isArray(list) && list.every(item => typeof item === 'string') ? list : undefined
}

const hasKeys = (mapping: Readonly<Record<string, unknown>>, ...keys: readonly string[]): boolean =>
  Object.keys(mapping).sort().join() === [...keys].sort().join()

const valuesOf = ({ argument }: Criterion): readonly unknown[] => [(argument as { readonly in: unknown }).in].flat()

/** What somebody says under a name: a header, the proxy of its route, an issuer of a person, an application of its objects. */
function saidFact(type: string, mapping: Readonly<Record<string, unknown>>): Fact | undefined {
  const { of, name } = mapping
  if (type === 'header') return headerFact(`header ${String(name).toLowerCase()}`)
  if (type === 'route' && hasKeys(mapping, 'name', 'in')) return headerFact(`route ${String(name).toLowerCase()}`)
  if (type === 'claim' && hasKeys(mapping, 'name', 'in')) {
    return scalarFact(`claim ${name}`, value => loggedIn({ claims: { [String(name)]: value } }))
  }
  if (type !== 'property' || !hasKeys(mapping, 'of', 'name', 'in')) return undefined
  return scalarFact(`property ${of} ${name}`, value => inContext({ property: () => value }))
}

/** Of those that begin with one of several prefixes none differs from the prefix itself, or from it with what no list names. */
function headerFact(name: string): Fact {
  const values = (criteria: readonly Criterion[]): readonly string[] =>
    criteria.flatMap(({ argument }) => {
      const { in: exact = [], prefix = [] } = argument as Readonly<Record<string, unknown>>
      const [whole, begun] = [[exact].flat().map(String), [prefix].flat().map(String)]
      return [
        ...whole,
        ...begun,
        ...[...whole, ...begun].map(asRead),
        ...begun.flatMap(one => [one + other, asRead(one) + other]),
      ]
    })
  return {
    name,
    alone: criteria => [
      nobody,
      ...[undefined, other, ...values(criteria)].map(value => inContext({ header: () => value })),
    ],
  }
}

const answerFact = (decider: string): Fact => ({
  name: `answer of ${decider}`,
  alone: () => [
    nobody,
    ...[true, false].map(answer => ({ ...inContext({ answerOf: () => answer }), request: somewhere })),
  ],
})

const somewhere = { domain: 'host.example', resource: '/', action: 'GET' }

function scalarFact(name: string, said: (value: unknown) => Facts): Fact {
  const values = (criteria: readonly Criterion[]): readonly unknown[] => criteria.flatMap(valuesOf)
  const others = [other, Number.NaN, true, false, null]
  return {
    name,
    alone: criteria => [nobody, ...[...others, ...values(criteria)].map(said)],
    listed: criteria => [...others, ...values(criteria)].map(value => said([value])),
  }
}

const certificateFields = { 'san-dns': 'sanDns', 'san-email': 'sanEmail', 'san-uri': 'sanUri' } as const

function certificateFact(mapping: Readonly<Record<string, unknown>>): Fact | undefined {
  const [key = ''] = Object.keys(mapping)
  const empty = { fingerprint: '', sanDns: [], sanEmail: [], sanUri: [] }
  const values = (criteria: readonly Criterion[]): readonly string[] =>
    criteria.flatMap(({ argument }) => textsOf((argument as Readonly<Record<string, unknown>>)[key]) ?? [])
  const certified = (own: object): Facts => inContext({ clientCertificate: { ...empty, ...own } })
  const without = [nobody, inContext({ clientCertificate: null })]
  if (key === 'fingerprint') {
    const prints = (criteria: readonly Criterion[]) =>
      values(criteria).map(text => certified({ fingerprint: text.replaceAll(':', '').toLowerCase() }))
    const unlisted = (criteria: readonly Criterion[]) =>
      ['0', '1', '2'].map(digit => digit.repeat(64)).filter(print => !values(criteria).includes(print))
    return {
      name: `certificate ${key}`,
      alone: criteria => [
        ...without,
        ...unlisted(criteria).map(fingerprint => certified({ fingerprint })),
        ...prints(criteria),
      ],
    }
  }
  if (!Object.hasOwn(certificateFields, key)) return undefined
  const field = certificateFields[key as keyof typeof certificateFields]
  return {
    name: `certificate ${key}`,
    alone: () => without,
    listed: criteria => [other, ...values(criteria)].map(value => certified({ [field]: [value] })),
  }
}
