/** The figures of the gateway beside what is wanted. */
import { alignedTable, type CaseReport, rounded, type StoredCase, spreadText, storedRatio } from '../report.ts'
import { namespacePaths } from './gateway-cluster.ts'
import type { CaseSummary, GatewayCase } from './gateway-rounds.ts'
import type { WatchCase, WatchMemory } from './idle-watches.ts'

interface Target {
  readonly isAtMost: boolean
  readonly value: number
}

const small = `${namespacePaths.small}/configmaps/settings`
const large = `${namespacePaths.large}/pods`
export const gatewayCases: readonly (GatewayCase & { readonly target: Target })[] = [
  {
    name: 'gateway-get',
    path: small,
    atOnce: 1,
    leastCalls: 1,
    warmUpCalls: 1_500,
    figure: 'p50Ms',
    target: { isAtMost: true, value: 1.6 },
  },
  {
    name: 'gateway-get-16',
    path: small,
    atOnce: 16,
    leastCalls: 1,
    warmUpCalls: 500,
    figure: 'perSecond',
    target: { isAtMost: false, value: 0.65 },
  },
  {
    name: 'gateway-list',
    path: large,
    atOnce: 1,
    leastCalls: 3,
    warmUpCalls: 5,
    figure: 'p50Ms',
    target: { isAtMost: true, value: 1.2 },
  },
]

/** Of the gateway for a small call, while sixteen are under way. */
const cpuTarget: Target = { isAtMost: true, value: 0.3 }
/** Added to its memory. */
const watchTarget: Target = { isAtMost: true, value: 60 }

/** As one client-go has them, and as many people: each over a TLS connection of their own. */
export const watchCases: readonly WatchCase[] = [
  { name: 'gateway-watches', perConnection: 250 },
  { name: 'gateway-watches-apart', perConnection: 1 },
]

export function reportCalls(summaries: ReadonlyMap<string, CaseSummary>, pods: number): CaseReport {
  const cases: Record<string, StoredCase> = {}
  const ratios: string[][] = []
  const costs: string[][] = []
  for (const { name, figure, target } of gatewayCases) {
    const summary = summaries.get(name)
    if (summary === undefined) continue
    const { ratio, spread, toBare, direct, bare, gateway, load } = summary
    const digits = figure === 'p50Ms' ? 2 : 0
    const unit = figure === 'p50Ms' ? 'p50 ms' : 'calls/s'
    ratios.push([
      name,
      unit,
      direct[figure].toFixed(digits),
      bare[figure].toFixed(digits),
      gateway[figure].toFixed(digits),
      ratio.toFixed(2),
      spreadText(spread),
      targetText(ratio, target),
      `${toBare.ratio.toFixed(2)} (${spreadText(toBare.spread)})`,
      load.toFixed(1),
    ])
    costs.push([
      name,
      `${direct.p99Ms.toFixed(1)} / ${gateway.p99Ms.toFixed(1)}`,
      `${inMs(bare.gatewayMicroseconds)} / ${inMs(gateway.gatewayMicroseconds)}`,
      name === 'gateway-get-16' ? targetText(gateway.gatewayMicroseconds / 1_000, cpuTarget) : '-',
      `${inMs(direct.apiServerMicroseconds)} / ${inMs(gateway.apiServerMicroseconds)}`,
    ])
    cases[name] = { ...storedRatio({ ratio, spread }), ...storedSides(summary), load: rounded(load, 1) }
  }
  const bytes = summaries.get('gateway-list')?.gateway.bytes ?? 0
  return {
    lines: [
      alignedTable(
        ['gateway', 'figure', 'direct', 'bare', 'gateway', 'x direct', 'quartiles', 'wanted', 'x bare', 'load'],
        ratios,
      ),
      '',
      alignedTable(['cost', 'p99 ms direct/gateway', 'bare/gateway CPU ms', 'wanted', 'API server CPU ms'], costs),
      `gateway-list: ${pods} pods, ${(bytes / 1e6).toFixed(1)} MB; all programs share the cores`,
      'bare is a gateway of Node alone that judges nothing and writes nothing down',
    ],
    cases,
  }
}

export function reportWatches(memories: ReadonlyMap<string, WatchMemory>): CaseReport {
  const rows = [...memories].map(([name, { watches, beforeMiB, addedMiB, load }]) => [
    name,
    String(watches),
    beforeMiB.toFixed(0),
    addedMiB.toFixed(1),
    ((addedMiB * 1_024) / watches).toFixed(1),
    targetText((addedMiB * 1_048_576) / 1e6, watchTarget),
    load.toFixed(1),
  ])
  const cases = [...memories].map(([name, { watches, beforeMiB, addedMiB, load }]) => {
    const figures = {
      watches,
      beforeMiB: rounded(beforeMiB, 0),
      addedMiB: rounded(addedMiB, 1),
      load: rounded(load, 1),
    }
    return [name, figures] as const
  })
  const head = ['memory', 'watches', 'RSS MiB before', 'added MiB', 'KiB each', 'wanted MB', 'load']
  return { lines: [alignedTable(head, rows)], cases: Object.fromEntries(cases) }
}

const inMs = (microseconds: number): string => (microseconds / 1_000).toFixed(2)

function targetText(measured: number, { isAtMost, value }: Target): string {
  const isReached = isAtMost ? measured <= value : measured >= value
  return `${isAtMost ? 'at most' : 'at least'} ${value}: ${isReached ? 'yes' : 'no'}`
}

function storedSides({ direct, bare, gateway, toBare }: CaseSummary) {
  const stored = ({ p50Ms, p99Ms, perSecond }: CaseSummary['direct']) => ({
    p50Ms: rounded(p50Ms, 3),
    p99Ms: rounded(p99Ms, 3),
    perSecond: rounded(perSecond, 1),
  })
  return {
    direct: stored(direct),
    bare: stored(bare),
    toBare: rounded(toBare.ratio, 3),
    gateway: stored(gateway),
    gatewayCpuMs: rounded(gateway.gatewayMicroseconds / 1_000, 3),
    bareCpuMs: rounded(bare.gatewayMicroseconds / 1_000, 3),
    apiServerCpuMs: {
      direct: rounded(direct.apiServerMicroseconds / 1_000, 3),
      gateway: rounded(gateway.apiServerMicroseconds / 1_000, 3),
    },
  }
}
