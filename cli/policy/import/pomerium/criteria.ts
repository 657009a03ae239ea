/** Criteria of Pomerium's policy language as terms of rows, from both sides and for both answers. */
import { isMethod } from '../../../../rbac/request/methods.ts'
import { canonicalNetwork } from '../authelia.ts'
import type { Who } from '../first-match.ts'
import { type Located, templatesIn, textsOf } from '../located.ts'
import type { ImportOptions } from '../options.ts'
import { onePath, type PathSet, pathsWithPrefix } from '../paths.ts'
import { claimIs, isPlainName, whoIsInGroup, whoIsUser } from '../subjects.ts'
import { datesOf, timesOf, type Windows } from './times.ts'

/** Everything in it has to hold; what is absent always holds. */
export interface Term {
  readonly who?: Who
  readonly conditions: readonly string[]
  readonly methods?: readonly string[]
  readonly paths?: PathSet
}

/** `inner` fits no more than the criterion, `outer` no less; the same for its opposite. */
export interface Criterion {
  readonly inner: readonly Term[]
  readonly outer: readonly Term[]
  readonly notInner: readonly Term[]
  readonly notOuter: readonly Term[]
}

export const noTerm: readonly Term[] = []
export const everyTerm: readonly Term[] = [{ conditions: [] }]

const inexpressible: Criterion = { inner: noTerm, outer: everyTerm, notInner: noTerm, notOuter: everyTerm }
const always: Criterion = { inner: everyTerm, outer: everyTerm, notInner: noTerm, notOuter: noTerm }
const never: Criterion = { inner: noTerm, outer: noTerm, notInner: everyTerm, notOuter: everyTerm }

/** What a browser asks before it calls another origin, from whomever. */
export const preflightTerm = ({ names }: Pick<ImportOptions, 'names'>): Term => ({
  conditions: [names.nameOf('preflight', { preflight: 'any' })],
  methods: ['OPTIONS'],
})

export function criterionOf(name: string, data: Located, options: ImportOptions): Criterion {
  const read = name.startsWith('claim/')
    ? () => claim(name.slice('claim/'.length), data, options)
    : () => (Object.hasOwn(readers, name) ? readers[name]?.(data, options) : undefined)
  // Said of the whole route already.
  if (templatesIn(data).length > 0) return inexpressible
  const known = read()
  if (known !== undefined) return known
  options.report.leftOut(
    data.line,
    name,
    'no row or condition means the same',
    'Write the row yourself; docs/policy.md lists the conditions.',
  )
  return inexpressible
}

type Read = (data: Located, options: ImportOptions) => Criterion | undefined

const authenticated: Who = { subject: 'authenticated', conditions: [] }
const people = (...all: readonly Who[]): readonly Term[] => all.map(who => ({ who, conditions: [] }))

/** Of whom the claim is known, and is another; nobody whose claim is not known is surely none of them. */
const isNot = (claimed: string): Pick<Criterion, 'notInner' | 'notOuter'> => ({
  notInner: people({ ...authenticated, conditions: [`!${claimed}`] }),
  notOuter: everyTerm,
})

const readers: Readonly<Record<string, Read>> = {
  accept: () => always,
  reject: () => never,
  authenticated_user: () => ({ ...inexpressible, inner: people(authenticated), outer: people(authenticated) }),
  // Ours holds for some requests of its kind less: for methods that are no words, and where nobody vouches for headers.
  cors_preflight: (_data, options) => ({ ...inexpressible, inner: [preflightTerm(options)] }),
  email: (data, { names }) => {
    const ending = data.fields?.size === 1 ? data.fields.get('ends_with')?.scalar : undefined
    if (typeof ending === 'string' && ending.startsWith('@')) return domainIs([ending.slice(1)])
    const addresses = valuesOf(data, ['is', 'in'])
    if (addresses === undefined || !addresses.every(address => isPlainName(address) && /^[^@]+@[^@]+$/.test(address)))
      return undefined
    // An address that nobody verified admits nobody here, but it has to keep out whom it kept out there.
    const claimed = claimIs(names, 'email', addresses)
    return {
      inner: people(...addresses.map(address => ({ subject: `email:${address}`, conditions: [] }))),
      outer: people({ ...authenticated, conditions: [claimed] }),
      ...isNot(claimed),
    }
  },
  domain: data => domainIs(valuesOf(data, ['is', 'in'])),
  groups: (data, { names, groupsClaim = 'groups' }) => {
    const groups = valuesOf(data, ['has'])
    const known = groups?.map(whoIsInGroup).filter(who => who !== undefined)
    if (groups === undefined || known === undefined || known.length !== groups.length) return undefined
    return { inner: people(...known), outer: people(...known), ...isNot(claimIs(names, groupsClaim, groups)) }
  },
  user: (data, options) => {
    const users = valuesOf(data, ['is', 'in'])?.map(name => whoIsUser(name, options.names, options))
    const known = users?.filter(who => who !== undefined)
    if (known === undefined || known.length !== users?.length) return undefined
    return { ...inexpressible, inner: people(...known), outer: people(...known) }
  },
  http_method: data => {
    const methods = valuesOf(data, ['is', 'in'])
    if (!methods?.every(isMethod)) return undefined
    return { ...inexpressible, inner: [{ conditions: [], methods }], outer: [{ conditions: [], methods }] }
  },
  http_path: (data, options) => {
    const [operator, value] = [...(data.fields ?? [])][0] ?? []
    const isKnown = data.fields?.size === 1 && typeof value?.scalar === 'string'
    if (!isKnown || (operator !== 'is' && operator !== 'starts_with')) return undefined
    const paths =
      operator === 'is' ? onePath(String(value?.scalar), options) : pathsWithPrefix(String(value?.scalar), options)
    return paths.inner.length === 0
      ? undefined
      : { ...inexpressible, inner: [{ conditions: [], paths }], outer: [{ conditions: [], paths }] }
  },
  source_ip: (data, { names }) => {
    const networks = textsOf(data)?.map(canonicalNetwork)
    if (networks === undefined || networks.length === 0 || networks.includes(undefined)) return undefined
    return condition(names.nameOf('network', { 'source-network': networks }))
  },
  date: (data, options) => windows(datesOf(data), data, options),
  time_of_day: (data, options) => windows(timesOf(data), data, options),
  // In which zone the day is that of the week is not documented: only all of them are certain.
  day_of_week: ({ scalar }) => (scalar === '*' ? always : undefined),
}

function domainIs(domains: readonly string[] | undefined): Criterion | undefined {
  if (!domains?.every(domain => isPlainName(domain) && !/[@*\s]/.test(domain))) return undefined
  return {
    ...inexpressible,
    inner: people(...domains.map(domain => ({ subject: `email-domain:${domain}`, conditions: [] }))),
  }
}

function windows(found: Windows | undefined, { line }: Located, { names, report }: ImportOptions) {
  if (found === undefined) return undefined
  const { type, inner, outer } = found
  const unit = type === 'date-window' ? 'second' : 'minute'
  report.narrower(
    line,
    'the window of time',
    `it begins and ends with a whole ${unit} here, within the original where it allows and around it where it denies`,
    'Move its ends if that moment matters.',
  )
  const [within, around] = [inner, outer].map(window => names.nameOf('window', { [type]: window }))
  const terms = (name: string | undefined, not: '!' | '' = ''): readonly Term[] => [{ conditions: [`${not}${name}`] }]
  return { inner: terms(within), outer: terms(around), notInner: terms(around, '!'), notOuter: terms(within, '!') }
}

function condition(name: string): Criterion {
  const [yes, no] = [[{ conditions: [name] }], [{ conditions: [`!${name}`] }]]
  return { inner: yes, outer: yes, notInner: no, notOuter: no }
}

function claim(name: string, data: Located, { names }: ImportOptions): Criterion | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(name) || typeof data.scalar !== 'string') return undefined
  const known = claimIs(names, name, [data.scalar])
  const yes = [{ who: authenticated, conditions: [known] }]
  const no = [{ conditions: [`!${known}`] }]
  return { inner: yes, outer: yes, notInner: no, notOuter: no }
}

/** Texts of a matcher: `{is: x}`, `{in: [x, y]}`, or the text alone. */
function valuesOf(data: Located, operators: readonly string[]): readonly string[] | undefined {
  if (typeof data.scalar === 'string') return [data.scalar]
  const [operator, value] = [...(data.fields ?? [])][0] ?? []
  if (data.fields?.size !== 1 || operator === undefined || !operators.includes(operator)) return undefined
  const texts = textsOf(value)
  return texts?.length === 0 ? undefined : texts
}
