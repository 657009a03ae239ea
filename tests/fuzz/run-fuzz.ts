/** Sends cases, many at once, and holds what arrived against what was judged, every thousand of them. */
import { createLane, type Exchanged, type Lane } from './client.ts'
import { createMarks, type FuzzCase, render } from './fuzz-case.ts'
import type { FuzzStack } from './fuzz-stack.ts'
import { type Finding, judge } from './verdict.ts'

export interface Counts {
  requests: number
  arrived: number
  silent: number
  /** Of connections that were closed without an answer. */
  unanswered: number
  readonly statuses: Map<number, number>
}

export interface Found extends Finding {
  readonly case: number
  /** Cases that went before on the same connection, oldest first. */
  readonly before: readonly number[]
  readonly sent: string
  readonly arrivedHead: string
}

export interface Fuzzer {
  readonly counts: Counts
  /** Sends the cases of these numbers; those that ended are told as they do. */
  readonly run: (numbers: Iterable<number>, caseOf: (number: number) => FuzzCase) => Promise<Found[]>
  readonly close: () => void
}

const laneCount = 64
const judgedEvery = 1_000

interface Sent {
  readonly number: number
  readonly before: readonly number[]
  readonly bytes: string
}

export function createFuzzer(stack: FuzzStack): Fuzzer {
  const nextMark = createMarks()
  const lanes = Array.from({ length: laneCount }, () => createLane(stack.port))
  const counts: Counts = { requests: 0, arrived: 0, silent: 0, unanswered: 0, statuses: new Map() }
  const [sent, targets] = [new Map<string, Sent>(), new Map<string, string>()]
  const leaks: Found[] = []
  const forget = createForgetting([sent, targets, stack.checks.allowed])
  let asked = 0

  const send = async (lane: Lane, number: number, fuzzCase: FuzzCase): Promise<void> => {
    const sending = render(fuzzCase, { port: stack.port, cookies: stack.cookies, nextMark })
    const one = { number, before: [...lane.history], bytes: sending.bytes }
    for (const mark of sending.bytes.matchAll(/zq[0-9a-z]{7}q/g)) sent.set(mark[0], one)
    for (const [mark, target] of sending.targets) targets.set(mark, target)
    const exchanged = await lane.exchange(fuzzCase, sending)
    if (lane.history.length < 40) lane.history.push(number)
    count(counts, sending.methods.length, exchanged)
    if (/^(?:remote-user|x-sallyport-assertion|x-sallyport-cookie):/im.test(exchanged.text))
      leaks.push(foundOf({ kind: 'identity to the client', detail: exchanged.text.slice(0, 400), mark: '' }, one, ''))
  }

  /** Everything that has arrived until now was judged before. */
  const compare = async (): Promise<Found[]> => {
    const arrived = stack.arrived.splice(0)
    asked += 1
    await stack.ask(`/asked-${asked}`)
    counts.arrived += arrived.length
    const known = { allowed: stack.checks.allowed, targets, secrets: stack.secrets }
    const unknown: Sent = { number: -1, before: [], bytes: '' }
    return arrived.flatMap(one =>
      judge(one, known).map(finding => foundOf(finding, sent.get(finding.mark) ?? unknown, one.head)),
    )
  }

  return {
    counts,
    close: () => {
      for (const lane of lanes) lane.close()
    },
    async run(numbers, caseOf) {
      const found: Found[] = []
      const iterator = numbers[Symbol.iterator]()
      let comparing = Promise.resolve()
      let count = 0
      const work = async (lane: Lane): Promise<void> => {
        for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
          await send(lane, next.value, caseOf(next.value))
          count += 1
          if (count % judgedEvery === 0) {
            comparing = comparing.then(compare).then(more => void found.push(...more))
            await comparing
          }
        }
      }
      await Promise.all(lanes.map(work))
      await comparing
      // Once for what was under way, once for what came of it.
      found.push(...(await compare()), ...(await compare()), ...leaks.splice(0))
      forget()
      return found
    },
  }
}

const foundOf = (finding: Finding, { number, before, bytes }: Sent, arrivedHead: string): Found => ({
  ...finding,
  case: number,
  before,
  sent: bytes,
  arrivedHead,
})

function count(counts: Counts, requests: number, { statuses, isSilent }: Exchanged): void {
  counts.requests += requests
  if (isSilent) counts.silent += 1
  else if (statuses.length === 0) counts.unanswered += 1
  for (const status of statuses) counts.statuses.set(status, (counts.statuses.get(status) ?? 0) + 1)
}

/**
 * Forgets what was there the last time as well. What a proxy holds back, as Traefik does a second for an application that
 * does not say `100 Continue`, arrives in the part after its own.
 */
function createForgetting(maps: readonly Map<string, unknown>[]): () => void {
  let old: readonly (readonly string[])[] = maps.map(() => [])
  return () => {
    for (const [place, map] of maps.entries()) for (const mark of old[place] ?? []) map.delete(mark)
    // The empty mark is everybody's; few are judged without one, so all of these are kept.
    old = maps.map(map => [...map.keys()].filter(mark => mark !== ''))
  }
}
