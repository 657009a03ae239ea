/** A whole run against one proxy: cases in parts, findings made small, a summary at the end. */
import type { ProxyKind } from '../../cli/demo/proxies/proxies.ts'
import { type FuzzCase, render } from './fuzz-case.ts'
import { type FuzzStack, startFuzzStack } from './fuzz-stack.ts'
import { generate } from './generate.ts'
import { type Counts, createFuzzer, type Found, type Fuzzer } from './run-fuzz.ts'
import { shrink } from './shrink.ts'

export interface FuzzOptions {
  readonly seed: number
  /** Number of the first case. */
  readonly first: number
  /** At least so many requests; a case is one to five. */
  readonly count: number
  readonly signal?: AbortSignal
  /** Default: those of deploy/. */
  readonly proxyFiles?: string
  readonly onProgress?: (text: string) => void
  /** Findings are looked for and progress is told after so many. Default 4,000. */
  readonly casesOfPart?: number
  /** How often a finding is sent again to make it small. Default 200. */
  readonly mostTries?: number
  /** Stops after a part with findings. Default false. */
  readonly isFirstEnough?: boolean
}

export interface FindingReport extends Found {
  /** How often findings of this kind were seen. */
  readonly times: number
  /** Bytes of the smallest case that shows it; of the whole one where it needs what went before. */
  readonly smallest: string
  readonly isAlone: boolean
}

export interface Summary {
  readonly proxy: ProxyKind
  readonly seed: number
  readonly cases: number
  readonly seconds: number
  readonly counts: Counts
  readonly judged: { readonly allowed: number; readonly challenged: number; readonly denied: number }
  readonly findings: readonly FindingReport[]
}

/** Of each kind, those with different details; beyond it only their number counts. */
const reportedOfKind = 4

export async function fuzzProxy(proxy: ProxyKind, options: FuzzOptions): Promise<Summary> {
  const { seed, first, count, signal, onProgress = () => undefined, casesOfPart = 4_000 } = options
  const stack = await startFuzzStack(proxy, options.proxyFiles)
  const fuzzer = createFuzzer(stack)
  let death: string | undefined
  stack.died.then(message => {
    death = message
  })
  try {
    const start = performance.now()
    const found: Found[] = []
    let next = first
    const isDone = (): boolean => fuzzer.counts.requests >= count || signal?.aborted === true || death !== undefined
    while (!isDone() && !(options.isFirstEnough === true && found.length > 0)) {
      const part = numbersUntil(next, Math.min(next + casesOfPart, first + count), isDone)
      found.push(
        ...(await fuzzer.run(part, number => {
          next = number + 1
          return generate(seed, number)
        })),
      )
      onProgress(progressOf(proxy, seed, fuzzer.counts, found.length, performance.now() - start))
    }
    if (death !== undefined) throw new Error(death)
    const seconds = (performance.now() - start) / 1_000
    const counts = { ...fuzzer.counts, statuses: new Map(fuzzer.counts.statuses) }
    const judged = { ...stack.checks.counts }
    return {
      proxy,
      seed,
      cases: next - first,
      seconds,
      counts,
      judged,
      findings: await reportsOf(found, options, stack, fuzzer),
    }
  } finally {
    fuzzer.close()
    await stack.stop()
  }
}

function* numbersUntil(from: number, to: number, isDone: () => boolean): Generator<number> {
  for (let number = from; number < to && !isDone(); number += 1) yield number
}

const progressOf = (
  proxy: string,
  seed: number,
  { requests, arrived }: Counts,
  found: number,
  milliseconds: number,
): string =>
  `${proxy}, seed ${seed}: ${requests} requests, ${arrived} arrived, ${found} findings, ${Math.round((requests / milliseconds) * 1_000)}/s`

async function reportsOf(
  found: readonly Found[],
  { seed, mostTries = 200 }: FuzzOptions,
  stack: FuzzStack,
  fuzzer: Fuzzer,
): Promise<FindingReport[]> {
  const reports: FindingReport[] = []
  for (const group of groupsOf(found)) {
    const [one] = group
    if (one === undefined) continue
    const isFound = async (smaller: FuzzCase): Promise<boolean> => {
      const again = await fuzzer.run([one.case], () => smaller)
      return again.some(({ kind }) => kind === one.kind)
    }
    const whole = generate(seed, Math.max(one.case, 0))
    const isAlone = one.case >= 0 && (await isFound(whole))
    const smallest = isAlone ? await shrink(whole, isFound, mostTries) : whole
    const filling = { port: stack.port, cookies: new Map<string, string>(), nextMark: () => 'zqMARKq' }
    reports.push({ ...one, times: group.length, isAlone, smallest: render(smallest, filling).bytes })
  }
  return reports
}

/** Of the same kind, and of details that differ in the mark alone. */
function groupsOf(found: readonly Found[]): Found[][] {
  const groups = new Map<string, Found[]>()
  const ofKind = new Map<string, number>()
  for (const one of found) {
    const key = `${one.kind}: ${one.detail.replaceAll(/zq[0-9a-z]{7}q/g, '').replaceAll(/[0-9a-z]+/gi, 'x')}`
    const group = groups.get(key)
    const number = ofKind.get(one.kind) ?? 0
    if (group !== undefined) group.push(one)
    else if (number < reportedOfKind) groups.set(key, [one])
    if (group === undefined) ofKind.set(one.kind, number + 1)
  }
  return [...groups.values()]
}
