/** One policy of one size in a process of its own: what compiling it costs, what it holds, how fast it decides. */
import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Context } from '../rbac/context.ts'
import { decide } from '../rbac/decide.ts'
import { compilePolicy, type PolicySnapshot } from '../rbac/policy.ts'
import { type PolicySize, policyQuestion, policyText } from './policy-rows.ts'

export interface CompileCost {
  readonly compileMs: number
  /** The longest time between two turns of the event loop while compiling. */
  readonly longestStallMs: number
  /** The most processor time between two pauses, helper threads included: the same without what other programs took. */
  readonly longestSliceMs: number
  /** Heap that the snapshot holds, over its rows. */
  readonly bytesPerRow: number
}

export interface DecisionTimes {
  readonly medianUs: number
  readonly p99Us: number
}

const decisionsPerRound = 10_000

/** Sends the cost of compiling, then the times of one round for each message. */
export async function runPolicyProcess(size: PolicySize): Promise<void> {
  const { snapshot, cost } = await compileOnce(size)
  const { request, identity } = policyQuestion(size)
  const context: Context = { now: 0 }
  const { effect } = decide({ request, identity, context }, snapshot)
  if (effect !== 'allow') throw new Error(`expected allow, got ${effect}`)
  process.on('message', () => {
    const times: number[] = []
    for (let at = 0; at < decisionsPerRound; at++) {
      const started = performance.now()
      decide({ request, identity, context }, snapshot)
      times.push((performance.now() - started) * 1_000)
    }
    times.sort((left, right) => left - right)
    const share = (part: number): number => times[Math.floor(times.length * part)] ?? Number.NaN
    process.send?.({ medianUs: share(0.5), p99Us: share(0.99) } satisfies DecisionTimes)
  })
  process.send?.(cost)
}

async function compileOnce(size: PolicySize): Promise<{ snapshot: PolicySnapshot; cost: CompileCost }> {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  // Dist and sources both have the model beside rbac/.
  const model = readFileSync(new URL('../rbac/model.conf', import.meta.url), 'utf8')
  // What the first policy of a process brings along is no row's cost.
  await compilePolicy({ model, files: [{ name: 'first.csv', text: policyText({ rows: 10, domains: 1 }) }] })
  collect()
  const heapBefore = process.memoryUsage().heapUsed
  const files = [{ name: 'policy.csv', text: policyText(size) }]
  const watch = watchTurns()
  const slices = watchSlices()
  const snapshot = await compilePolicy({ model, files }, { pause: slices.pause })
  const { elapsedMs, longestMs } = watch.stop()
  files.length = 0
  await nextTurn()
  collect()
  const bytesPerRow = (process.memoryUsage().heapUsed - heapBefore) / size.rows
  return {
    snapshot,
    cost: { compileMs: elapsedMs, longestStallMs: longestMs, longestSliceMs: slices.longestMs(), bytesPerRow },
  }
}

function watchTurns() {
  const started = performance.now()
  let last = started
  let longest = 0
  const turn = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(turn, 1)
  return {
    stop: () => {
      turn()
      clearInterval(timer)
      return { elapsedMs: last - started, longestMs: longest }
    },
  }
}

function watchSlices() {
  const cpuMs = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  }
  let started = cpuMs()
  let longest = 0
  return {
    pause: async (): Promise<void> => {
      longest = Math.max(longest, cpuMs() - started)
      await nextTurn()
      started = cpuMs()
    },
    longestMs: () => longest,
  }
}
