/** Where networks and windows begin and end: between two neighbours of what is returned, no criterion changes. */
import ipaddr from 'ipaddr.js'
import type { Condition } from '../conditions/condition.ts'
import { createZoneClock, daysSinceEpoch, parseInstant } from '../conditions/times.ts'

export type Criterion = Extract<Condition, { kind: 'criterion' }>

/** Addresses: the first of all, the first of each network, and the first behind it. */
export function addressEdges(networks: readonly string[]): readonly string[] {
  return ['0.0.0.0', '::', ...networks.flatMap(edgesOfNetwork)]
}

/** Kinds of addresses that a condition takes in whole. */
export function familiesWithin({ type, argument, test }: Criterion): readonly string[] {
  if (type !== 'source-network') return []
  const edges = addressEdges([argument].flat().map(String))
  const isIn = (clientAddress: string) => test({ identity: { kind: 'anonymous' }, context: { now: 0, clientAddress } })
  const [six, four] = [edges.filter(address => address.includes(':')), edges.filter(address => !address.includes(':'))]
  return [...(four.every(isIn) ? ['IPv4'] : []), ...(six.every(isIn) ? ['IPv6'] : [])]
}

function edgesOfNetwork(network: string): readonly string[] {
  const [base = '', suffix] = network.split('/')
  const bytes = ipaddr.parse(base).toByteArray()
  const bits = bytes.length * 8
  const first = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const behind = first + (1n << BigInt(bits - Number(suffix ?? bits)))
  return behind < 1n << BigInt(bits) ? [addressOf(first, bits), addressOf(behind, bits)] : [addressOf(first, bits)]
}

function addressOf(value: bigint, bits: number): string {
  const bytes = Array.from({ length: bits / 8 }, (_, at) => Number((value >> BigInt(bits - 8 * (at + 1))) & 255n))
  return ipaddr.fromByteArray(bytes).toString()
}

const [quarterHour, hour, day] = [900, 3600, 86_400]
const edgesOfDates = new WeakMap<Criterion, readonly number[]>()

/** Moments in seconds since the epoch; from `now` on, where it is given. */
export function dateEdges(criteria: readonly Criterion[], now?: number): readonly number[] {
  const edges = criteria.flatMap(criterion => {
    const known = edgesOfDates.get(criterion) ?? edgesOfDate(criterion)
    edgesOfDates.set(criterion, known)
    return known
  })
  const all = [now ?? Math.min(...edges) - 1, ...edges]
  return now === undefined ? all : all.filter(edge => edge >= now)
}

/** A day begins between fourteen hours before it does in UTC and twelve behind, at a full quarter of an hour. */
function edgesOfDate({ argument, test }: Criterion): readonly number[] {
  const isIn = (now: number) => test({ identity: { kind: 'anonymous' }, context: { now } })
  const { from, until } = argument as Readonly<Record<string, unknown>>
  const tried = [momentsNear(from, 0), momentsNear(until, day)].flat()
  const changes = tried.filter((now, at) => at === 0 || isIn(now) !== isIn(tried[at - 1] ?? 0))
  const last = tried.at(-1)
  return last === undefined ? changes : [...changes, last]
}

function momentsNear(text: unknown, behind: number): readonly number[] {
  if (text === undefined) return []
  const days = daysSinceEpoch(String(text))
  // An instant is its own edge; the second before shows the change.
  const instant = parseInstant(String(text)) ?? 0
  if (days === undefined) return [instant - 1, instant]
  const midnight = days * day + behind
  return Array.from({ length: (30 * hour) / quarterHour + 1 }, (_, at) => midnight - 15 * hour + at * quarterHour)
}

/** A Monday of a week in which no zone changes its clocks. */
const monday = (daysSinceEpoch('2026-01-12') ?? 0) * day

/** Moments of one week, in seconds since the epoch: each day's edges of every window, in the zone of all of them. */
export function timeEdges(criteria: readonly Criterion[]): readonly number[] {
  const windows = criteria.map(({ argument }) => argument as Readonly<Record<string, unknown>>)
  const clock = createZoneClock(String(windows[0]?.zone ?? 'UTC'))
  const minutes = new Set([0, ...windows.flatMap(({ from, to }) => [from, to].flatMap(minuteOf))])
  // What the clock shows at midnight of UTC; the week is long enough for either side of it.
  const ahead = clock(monday).minute
  return Array.from({ length: 9 }, (_, at) => monday + at * day).flatMap(midnight =>
    [...minutes].map(minute => midnight + (minute - ahead) * 60),
  )
}

function minuteOf(text: unknown): readonly number[] {
  if (text === undefined) return []
  const [hours = Number.NaN, minutes = Number.NaN] = String(text).split(':').map(Number)
  return [hours * 60 + minutes]
}
