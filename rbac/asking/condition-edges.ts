/**
 * Facts on either side of where a criterion changes its mind: the first and the last address of a network and their
 * neighbours, an age and a second more, each method by itself and none, the minutes at which a window begins and ends.
 * Where two policies write a criterion differently, they differ at an edge of one of the two.
 */

import ipaddr from 'ipaddr.js'
import type { Criterion } from '../conditions/condition.ts'
import { routeFactName } from '../conditions/route.ts'
import { daysSinceEpoch, parseDuration, parseInstant } from '../conditions/times.ts'
import type { SaidOf } from '../context.ts'
import type { Situation } from '../situation.ts'
import { gainGroup } from './changes.ts'
import {
  certificate,
  certificateOf,
  changesOfCondition,
  claim,
  differentFrom,
  fieldsOf,
  header,
  login,
  momentText,
  preflightOf,
  textsOf,
} from './condition-changes.ts'
import { givingBoth, givingEach } from './same-changes.ts'

export interface Edge {
  /** Continues the name of somebody; empty where nothing is changed. */
  readonly text: string
  readonly apply: (situation: Situation) => Situation
}

/** Never in the past: what was, is over. */
export function edgesOf(criterion: Criterion, situation: Situation): readonly Edge[] {
  const { type, argument } = criterion
  const edges = Object.hasOwn(edgesOfType, type) && argument !== undefined ? edgesOfType[type] : undefined
  return edges?.(argument, criterion, situation) ?? otherEdges(criterion, situation)
}

const edgesOfType: Readonly<
  Record<string, (argument: unknown, criterion: Criterion, situation: Situation) => readonly Edge[]>
> = {
  'source-network': argument => [...new Set(textsOf(argument).flatMap(addressesAround))].map(address),
  'authentication-age': argument => {
    const seconds = parseDuration(argument)
    return [seconds, seconds + 1].map(age =>
      login('authTime', `with a login ${age} s old`, (user, now) => ({ ...user, authTime: now - age })),
    )
  },
  'authentication-method': argument => {
    const listed = textsOf(argument)
    const others = (amr: readonly string[] = []) => amr.filter(method => !listed.includes(method))
    return [
      ...listed.map(method =>
        login(`amr ${method}`, `after a login with ${method}`, user => ({
          ...user,
          amr: [...others(user.amr), method],
        })),
      ),
      login('amr', `after a login without ${listed.join(', ')}`, user => ({ ...user, amr: others(user.amr) })),
    ]
  },
  acr: argument => {
    const classes = textsOf(argument)
    return [...classes, `not ${classes.join(', ')}`].map(acr =>
      login('acr', `after a login of class ${acr}`, user => ({ ...user, acr })),
    )
  },
  claim: argument =>
    valuesOf(argument).map(value => {
      const name = String(fieldsOf(argument).name)
      return claim(name, value, `with claim ${name} = ${JSON.stringify(value)}`)
    }),
  header: (argument, criterion, situation) => {
    const name = String(fieldsOf(argument).name).toLowerCase()
    const values = fieldsOf(argument).in ?? fieldsOf(argument).prefix
    return values === undefined
      ? otherEdges(criterion, situation)
      : namedHeaders(name, textsOf(values), `header ${name}`)
  },
  preflight: (argument, criterion, situation) => {
    const methods = textsOf(argument)
    const asked = methods.includes('any') ? everydayMethods : methods
    return [...asked.map(preflightOf), ...otherEdges(criterion, situation)]
  },
  group: (argument, criterion, situation) => [...textsOf(argument).map(gainGroup), ...otherEdges(criterion, situation)],
  same: (_, criterion, situation) => {
    const { compares } = criterion
    if (compares === undefined) return otherEdges(criterion, situation)
    const both = [givingBoth(compares, ['sample', 'sample']), givingBoth(compares, ['sample', 'other'])].flat()
    return [...both, ...givingEach(compares, 'other'), ...otherEdges(criterion, situation)]
  },
  route: argument => {
    const name = String(fieldsOf(argument).name)
    // Of a route of which nothing is said it is unknown; another value says no.
    return namedHeaders(routeFactName(name), [...textsOf(fieldsOf(argument).in), '-'], `route ${name}`)
  },
  property: argument => valuesOf(argument).map(value => property(fieldsOf(argument), value)),
  'client-certificate': argument => [
    ...Object.entries(fieldsOf(argument)).flatMap(([field, values]) =>
      textsOf(values).map(value =>
        certificate(certificateOf(field, value), `with a client certificate of ${field} ${value}`),
      ),
    ),
    certificate(null, 'without a client certificate'),
  ],
  'time-window': (_, criterion, { context }) => moments(turnsOf(criterion, weekFrom(context.now)), context.now),
  'date-window': (argument, criterion, { context }) => moments(turnsOf(criterion, boundariesOf(argument)), context.now),
}

/** What explanations propose: one way to have it so, and one not to. */
function otherEdges(criterion: Criterion, situation: Situation): readonly Edge[] {
  const condition = { kind: 'criterion' as const, ...criterion }
  const asIs: Edge = { text: '', apply: same => same }
  return [true, false].flatMap(wanted =>
    criterion.test(situation) === wanted ? [asIs] : changesOfCondition(condition, wanted, situation, ''),
  )
}

const address = (clientAddress: string): Edge => ({
  text: `from ${clientAddress}`,
  apply: situation => ({ ...situation, context: { ...situation.context, clientAddress } }),
})

/** The first and the last of a network, and those on either side of it. */
function addressesAround(network: string): readonly string[] {
  const [base = '', suffix] = network.split('/')
  const bytes = ipaddr.parse(base).toByteArray()
  const bits = bytes.length * 8
  const first = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const size = 2n ** BigInt(bits - Number(suffix ?? bits))
  return [first - 1n, first, first + size - 1n, first + size]
    .filter(value => value >= 0n && value < 2n ** BigInt(bits))
    .map(value =>
      ipaddr.fromByteArray(bytes.map((_, at) => Number((value >> BigInt(bits - 8 - 8 * at)) % 256n))).toString(),
    )
}

function namedHeaders(name: string, values: readonly string[], shown: string): readonly Edge[] {
  return [...values, undefined].map(value =>
    header(name, value, value === undefined ? `without ${shown}` : `with ${shown}: ${value}`),
  )
}

/** What `any` stands for, with one that hardly a list names. */
const everydayMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'UNLINK']

/** Those that are written, and another one. */
function valuesOf(argument: unknown): readonly unknown[] {
  const { in: written } = fieldsOf(argument)
  const values: readonly unknown[] = Array.isArray(written) ? written : []
  return values.length === 0 ? [] : [...values, differentFrom(values[0])]
}

function property(fields: Readonly<Record<string, unknown>>, value: unknown): Edge {
  const [of, name] = [String(fields.of), String(fields.name)]
  return {
    text: `with ${of}.${name} = ${JSON.stringify(value)}`,
    apply: situation => {
      const before = situation.context.property
      const read = (asked: SaidOf, named: string) => (asked === of && named === name ? value : before?.(asked, named))
      return { ...situation, context: { ...situation.context, property: read } }
    },
  }
}

const minute = 60
const quarterHour = 15 * minute

/** Each minute of a week and a day, from the day on that has begun: a week holds all that a window can tell apart. */
const weekFrom = (now: number): readonly number[] => {
  const start = Math.floor(now / 86_400) * 86_400
  return Array.from({ length: 8 * 1440 }, (_, at) => start + at * minute)
}

/** Where a window of dates may begin or end, whatever its zone: zones are whole quarters of an hour apart. */
function boundariesOf(argument: unknown): readonly number[] {
  const { from, until } = fieldsOf(argument)
  const around = (value: unknown, days: number): readonly number[] => {
    const [day, instant] = [daysSinceEpoch(String(value)), parseInstant(String(value))]
    if (instant !== undefined) return [instant - minute, instant]
    if (day === undefined) return []
    return Array.from({ length: 114 }, (_, at) => (day + days) * 86_400 + (at - 57) * quarterHour)
  }
  return [...around(from, 0), ...around(until, 1)]
}

const known = new WeakMap<Criterion['test'], { readonly from: number; readonly turns: readonly number[] }>()

/** The moments at which the criterion is not as it was at the one before, and the second before each. */
function turnsOf({ test }: Criterion, tried: readonly number[]): readonly number[] {
  const [from = 0] = tried
  const before = known.get(test)
  if (before?.from === from) return before.turns
  const isIn = (now: number) => test({ identity: { kind: 'anonymous' }, context: { now } })
  let last = isIn(from)
  const turns = tried.flatMap(now => {
    const [was, is] = [last, isIn(now)]
    last = is
    return was === is ? [] : [now - 1, now]
  })
  known.set(test, { from, turns })
  return turns
}

const moments = (turns: readonly number[], present: number): readonly Edge[] =>
  [present, ...turns.filter(now => now > present)].map(now => ({
    text: now === present ? '' : `at ${momentText(now)}`,
    apply: situation => ({ ...situation, context: { ...situation.context, now } }),
  }))
