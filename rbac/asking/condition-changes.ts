/**
 * What would make a condition true, or false: for every criterion the facts that come nearest, each tried on the
 * criterion itself before it is proposed.
 */

import { type Condition, type Criterion, evaluateCondition } from '../conditions/condition.ts'
import { preflightHeaders } from '../conditions/preflight.ts'
import { createZoneClock, daysSinceEpoch, parseDuration, parseInstant } from '../conditions/times.ts'
import type { ClientCertificate, Context } from '../context.ts'
import type { RuleId } from '../decision.ts'
import type { Machine, User } from '../identity.ts'
import type { Situation } from '../situation.ts'
import { type Change, gainGroup, loginChange, withIdentity } from './changes.ts'
import { changesOfSame } from './same-changes.ts'

type Proposal = Omit<Change, 'rule'>
type Propose = (argument: unknown, wanted: boolean, situation: Situation, criterion: Criterion) => Proposal[]

/** Changes one of which is needed; more may be needed after it. Empty when it is so already, or never can be. */
export function changesOfCondition(
  condition: Condition,
  wanted: boolean,
  situation: Situation,
  rule: RuleId,
): Change[] {
  if (evaluateCondition(condition, situation) === wanted) return []
  switch (condition.kind) {
    case 'not':
      return changesOfCondition(condition.of, !wanted, situation, rule)
    case 'criterion':
      return changesOfCriterion(condition, wanted, situation, rule)
    case 'all':
    case 'any': {
      const isEvery = (condition.kind === 'all') === wanted
      const unmet = condition.of.filter(part => evaluateCondition(part, situation) !== wanted)
      const parts = isEvery ? unmet.slice(0, 1) : unmet
      return parts.flatMap(part => changesOfCondition(part, wanted, situation, rule))
    }
  }
}

/** More criteria than this are met by no person's doing. */
const maxChanges = 8

/** What makes a condition true, one change after the other; `undefined` when it is not found. */
export function changesToMeet(condition: Condition, start: Situation, rule: RuleId): readonly Change[] | undefined {
  const changes: Change[] = []
  let situation = start
  while (evaluateCondition(condition, situation) !== true) {
    const [change] = changesOfCondition(condition, true, situation, rule)
    if (change === undefined || changes.length === maxChanges) return undefined
    changes.push(change)
    situation = change.apply(situation)
  }
  return changes
}

const aboutIdentity: ReadonlySet<string> = new Set([
  'authentication-age',
  'authentication-method',
  'acr',
  'claim',
  'same',
  'group',
])

function changesOfCriterion(criterion: Criterion, wanted: boolean, situation: Situation, rule: RuleId): Change[] {
  if (situation.identity.kind === 'anonymous' && aboutIdentity.has(criterion.type)) return [loginChange(rule)]
  const propose = proposals[criterion.type]
  if (criterion.compares !== undefined) {
    const changes = changesOfSame(criterion.compares, wanted, situation).map(change => ({ ...change, rule }))
    return changes.filter(({ apply }) => criterion.test(apply(situation)) === wanted)
  }
  if (propose === undefined || criterion.argument === undefined) return []
  return propose(criterion.argument, wanted, situation, criterion)
    .filter(({ apply }) => criterion.test(apply(situation)) === wanted)
    .map(proposal => ({ ...proposal, rule }))
}

export const textsOf = (argument: unknown): string[] => (Array.isArray(argument) ? argument : [argument]).map(String)
export const fieldsOf = (argument: unknown): Readonly<Record<string, unknown>> =>
  typeof argument === 'object' && argument !== null ? (argument as Readonly<Record<string, unknown>>) : {}
const outside = ['192.0.2.1', '203.0.113.1', '2001:db8::1', '10.0.0.1', '2001:db9::1']

const proposals: Readonly<Record<string, Propose>> = {
  'source-network': (argument, wanted) => {
    const networks = textsOf(argument)
    const candidates = wanted
      ? networks.map(network => ({ address: network.split('/')[0] ?? '', text: `from ${network}` }))
      : outside.map(address => ({ address, text: `from outside ${networks.join(', ')}` }))
    return candidates.map(({ address, text }) => ({
      kind: 'address',
      slot: 'address',
      text,
      apply: situation => ({ ...situation, context: { ...situation.context, clientAddress: address } }),
    }))
  },
  'authentication-age': (argument, wanted, { identity }) => {
    if (identity.kind !== 'user') return []
    const seconds = parseDuration(argument)
    const text = wanted ? `after a login not older than ${argument}` : `with a login older than ${argument}`
    return [login('authTime', text, (user, now) => ({ ...user, authTime: now - seconds - (wanted ? 0 : 1) }))]
  },
  'authentication-method': (argument, wanted, { identity }) => {
    if (identity.kind !== 'user') return []
    const listed = textsOf(argument)
    if (wanted) {
      return listed.map(method =>
        login(`amr ${method}`, `after a login with ${method}`, user => ({
          ...user,
          amr: [...(user.amr ?? []), method],
        })),
      )
    }
    const others = (user: User): string[] => (user.amr ?? []).filter(method => !listed.includes(method))
    return [login('amr', `after a login without ${listed.join(', ')}`, user => ({ ...user, amr: others(user) }))]
  },
  acr: (argument, wanted, { identity }) => {
    if (identity.kind !== 'user') return []
    const classes = textsOf(argument)
    if (wanted) return classes.map(acr => login('acr', `after a login of class ${acr}`, user => ({ ...user, acr })))
    return [login('acr', `after a login of a class other than ${classes.join(', ')}`, user => ({ ...user, acr: '0' }))]
  },
  claim: (argument, wanted) => {
    const { name, in: values } = fieldsOf(argument)
    const list: unknown[] = Array.isArray(values) ? values : []
    if (wanted) return list.map(value => claim(String(name), value, `with claim ${name} = ${JSON.stringify(value)}`))
    return list
      .map(value => claim(String(name), differentFrom(value), `with another value of claim ${name}`))
      .slice(0, 1)
  },
  group: (argument, wanted) => {
    const listed = textsOf(argument)
    if (wanted) return listed.map(gainGroup)
    return [losingGroups(new Set(listed.map(name => name.slice(name.indexOf('/') + 1))))]
  },
  header: (argument, wanted, { context }) => {
    const { name, in: values, prefix, present } = fieldsOf(argument)
    const key = String(name).toLowerCase()
    if (wanted === (present !== false)) {
      const some = values ?? prefix
      return (some === undefined ? ['1'] : textsOf(some)).map(value =>
        header(key, value, `with header ${key}: ${value}`),
      )
    }
    return [header(key, undefined, `without header ${key}: ${context.header?.(key) ?? ''}`)]
  },
  preflight: (argument, wanted) => {
    if (!wanted) return [header('origin', undefined, 'without header origin: it is no preflight')]
    const [method = 'any'] = textsOf(argument)
    return [preflightOf(method === 'any' ? 'GET' : method)]
  },
  'client-certificate': (argument, wanted) => {
    if (!wanted) return [certificate(null, 'without that client certificate')]
    return Object.entries(fieldsOf(argument)).flatMap(([field, values]) =>
      textsOf(values).map(value =>
        certificate(certificateOf(field, value), `with a client certificate of ${field} ${value}`),
      ),
    )
  },
  ask: (argument, wanted) => [answer(String(argument), wanted)],
  'time-window': (_, wanted, situation, criterion) =>
    nextTime(criterion, wanted, situation, minutesAfter(situation.context.now)),
  'date-window': (argument, wanted, situation, criterion) =>
    nextTime(criterion, wanted, situation, boundariesOf(argument)),
}

const losingGroups = (names: ReadonlySet<string>): Proposal => ({
  kind: 'group',
  slot: 'groups',
  text: `without group ${[...names].map(name => `"${name}"`).join(', ')}`,
  apply: withIdentity((identity: User | Machine) => ({
    ...identity,
    groups: identity.groups.filter(name => !names.has(name)),
  })),
})

export function login(slot: string, text: string, change: (user: User, now: number) => User): Proposal {
  return { kind: 'login', slot, text, apply: withIdentity((user: User, { now }) => change(user, now)) }
}

export function claim(name: string, value: unknown, text: string): Proposal {
  const apply = withIdentity((identity: User | Machine) => ({
    ...identity,
    claims: { ...identity.claims, [name]: value },
  }))
  return { kind: 'claim', slot: `claim ${name}`, text, apply }
}

export function differentFrom(value: unknown): unknown {
  if (typeof value === 'number') return Number.MIN_SAFE_INTEGER
  return typeof value === 'boolean' ? !value : ''
}

export function header(name: string, value: string | undefined, text: string): Proposal {
  return {
    kind: 'header',
    slot: `header ${name}`,
    text,
    apply: situation => {
      const before = situation.context.header
      const read = (asked: string): string | null | undefined => (asked === name ? value : before?.(asked))
      return { ...situation, context: { ...situation.context, header: read } }
    },
  }
}

export function preflightOf(method: string): Proposal {
  const [origin, name] = preflightHeaders
  const text = `as a preflight of ${method}`
  const both = [header(origin, 'https://app.example', text), header(name, method, text)]
  const apply = (situation: Situation) => both.reduce((before, change) => change.apply(before), situation)
  return { kind: 'header', slot: 'preflight', text, apply }
}

function answer(decider: string, said: boolean): Proposal {
  return {
    kind: 'answer',
    slot: `answer of ${decider}`,
    text: `if ${decider} said ${said ? 'yes' : 'no'}`,
    apply: situation => {
      const before = situation.context.answerOf
      const answerOf: NonNullable<Context['answerOf']> = (asked, about) =>
        asked === decider ? said : before?.(asked, about)
      return { ...situation, context: { ...situation.context, answerOf } }
    },
  }
}

export function certificate(value: ClientCertificate | null, text: string): Proposal {
  const apply = (situation: Situation): Situation => ({
    ...situation,
    context: { ...situation.context, clientCertificate: value },
  })
  return { kind: 'certificate', slot: 'certificate', text, apply }
}

export function certificateOf(field: string, value: string): ClientCertificate {
  const of = (name: string): readonly string[] => (name === field ? [value] : [])
  const fingerprint = field === 'fingerprint' ? value.replaceAll(':', '').toLowerCase() : ''
  return { fingerprint, sanDns: of('san-dns'), sanEmail: of('san-email'), sanUri: of('san-uri') }
}

/** The first of these moments after now at which the criterion is as wanted. The login grows older meanwhile. */
function nextTime(criterion: Criterion, wanted: boolean, situation: Situation, moments: Iterable<number>): Proposal[] {
  for (const now of moments) {
    if (now <= situation.context.now) continue
    const later = { ...situation, context: { ...situation.context, now } }
    if (criterion.test(later) === wanted) return [timeProposal(now)]
  }
  return []
}

/** Every whole minute of the eight days that come: a week holds every moment that a time window can tell apart. */
function* minutesAfter(now: number): Generator<number> {
  const start = Math.floor(now / 60) * 60
  for (let minute = 1; minute <= 8 * 1440; minute++) yield start + minute * 60
}

const quarterHour = 900

/** Where a window of dates may begin or end, whatever its zone: zones are whole quarters of an hour apart. */
function* boundariesOf(argument: unknown): Generator<number> {
  const { from, until } = fieldsOf(argument)
  for (const [value, days] of [
    [from, 0],
    [until, 1],
  ] as const) {
    const [day, instant] = [daysSinceEpoch(String(value)), parseInstant(String(value))]
    // A window may have no beginning, or no end.
    if (instant !== undefined) yield instant
    if (day !== undefined) for (let step = -56; step <= 56; step++) yield (day + days) * 86_400 + step * quarterHour
  }
}

/** `2026-01-01T09:00Z`, with seconds where there are some. */
export function momentText(now: number): string {
  const { date, minute } = createZoneClock('UTC')(now)
  const two = (value: number): string => String(value).padStart(2, '0')
  const seconds = now % 60 === 0 ? '' : `:${two(now % 60)}`
  return `${date}T${two(Math.floor(minute / 60))}:${two(minute % 60)}${seconds}Z`
}

function timeProposal(now: number): Proposal {
  return {
    kind: 'time',
    slot: 'time',
    text: `at ${momentText(now)}`,
    apply: situation => ({ ...situation, context: { ...situation.context, now } }),
  }
}
