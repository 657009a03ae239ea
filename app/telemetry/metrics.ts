/** Counts what the service does, for Prometheus (text format 0.0.4). What each metric means: `metric-definitions.ts`. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { Decision } from '../../rbac/decision.ts'
import type { EndCause } from '../audit/event.ts'
import type { ClientError } from '../client-error.ts'
import type { AskOutcome } from '../deciders/decider.ts'
import type { ErrorCode } from '../errors.ts'
import type { TokenRefusalReason } from '../identity/token/refusal.ts'
import type { CallMeter } from '../kubernetes/gateway/carrying/call-meter.ts'
import { createCheckCells } from './check-cells.ts'
import { createGatewayMetrics, createOwnRightsGauge, type OwnRightsCounts } from './gateway-metrics.ts'
import { deciderOutcomes, endCauses, tokenRefusalReasons } from './label-values.ts'
import {
  allowReason,
  cacheResults,
  clientErrors,
  clockDirections,
  endingEffects,
  endingStates,
  exchangeOutcomes,
  type Listener,
  listeners,
  loginOutcomes,
  type MetricName,
  refusalCodes,
  reloadOutcomes,
  shadowEffects,
  verificationOutcomes,
} from './metric-definitions.ts'
import { collectProcessMetrics } from './process-metrics.ts'
import { describeMetric, ReadCounter } from './read-counter.ts'

export interface Metrics {
  decided(front: string, decision: Decision, durationMicroseconds: number): void
  shadowed(effect: (typeof shadowEffects)[number]): void
  refused(front: string, code: ErrorCode): void
  /** A bearer token let nobody in. */
  tokenRefused(reason: TokenRefusalReason): void
  /** A decider that is not configured is not counted. */
  deciderAsked(decider: string, outcome: AskOutcome): void
  clientError(listener: Listener, error: ClientError): void
  ignoredHeaders(front: string, count: number): void
  groupsOmitted(): void
  /** Seconds that the clock was set forward, negative when back. */
  clockJumped(seconds: number): void
  /** A provider that is not configured counts as `unknown`. */
  login(provider: string | undefined, outcome: (typeof loginOutcomes)[number]): void
  handedOff(): void
  exchanged(outcome: (typeof exchangeOutcomes)[number]): void
  sessionEnded(cause: EndCause): void
  /** A provider that is not configured counts as `unknown`. */
  sessionVerified(provider: string, outcome: (typeof verificationOutcomes)[number]): void
  policyLoaded(revision: string, rows: number): void
  /** How many rows of the policy in force are so; what is not counted is none. */
  rowsEnding(count: (effect: (typeof endingEffects)[number], state: (typeof endingStates)[number]) => number): void
  policyRejected(): void
  storeUp(isUp: boolean): void
  sessionCache(event: (typeof cacheResults)[number] | 'invalidation'): void
  /** A provider that is not configured is not counted. */
  providerUp(provider: string, isUp: boolean): void
  auditWritten(lines: number): void
  auditFailed(lost: number): void
  /** What the gateway to the clusters carries. */
  readonly gateway: CallMeter
  /** A cluster has said what the gateway may do in it, or does not say. */
  readonly ownRights: (cluster: string, counts: OwnRightsCounts) => void
  /** The page that Prometheus reads. */
  render(): Promise<string>
  readonly contentType: string
  /** The same as data, for the process that adds up those of several workers. */
  values(): Promise<MetricValues>
}

export type MetricValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

export interface MetricsOptions {
  readonly version: string
  /** Names of the configured providers. */
  readonly providers: readonly string[]
  /** Names of the fronts; what another one would count is not counted. */
  readonly fronts: readonly string[]
  /** Names of the configured deciders. Default none. */
  readonly deciders?: readonly string[]
  /** Names of the configured clusters. Default none. */
  readonly clusters?: readonly string[]
  /** Process metrics too (`process_*`, `nodejs_*`). Default true. */
  readonly hasProcessMetrics?: boolean
}

interface Cell {
  readonly inc: (count?: number) => void
}

/** Each series exists from the start, so that a first increment is seen as one; its labels are bound once. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const make = makers(registry)
  const providers = [...options.providers, 'unknown']
  const perFront = (counted: readonly Labels[]): Labels[] =>
    options.fronts.flatMap(front => counted.map(labels => ({ front, ...labels })))

  make.gauge('sallyport_build_info').set({ version: options.version }, 1)
  const checks = createCheckCells(registry, options.fronts)
  const codes = refusalCodes.map(code => ({ code }))
  const refusals = series(make.counter('sallyport_refused_total'), perFront(codes))
  const unread = series(
    make.counter('sallyport_client_errors_total'),
    listeners.flatMap(listener => clientErrors.map(error => ({ listener, error }))),
  )
  const refusedTokens = series(
    make.counter('sallyport_token_refusals_total'),
    tokenRefusalReasons.map(reason => ({ reason })),
  )
  const { deciders = [] } = options
  const askings = series(
    make.counter('sallyport_decider_questions_total'),
    deciders.flatMap(decider => deciderOutcomes.map(outcome => ({ decider, outcome }))),
  )
  const ignored = series(make.counter('sallyport_ignored_headers_total'), perFront([{}]))
  const outcomes = providers.flatMap(provider => loginOutcomes.map(outcome => ({ provider, outcome })))
  const logins = series(make.counter('sallyport_logins_total'), outcomes)
  const ended = series(
    make.counter('sallyport_sessions_ended_total'),
    endCauses.map(cause => ({ cause })),
  )
  const verifications = series(
    make.counter('sallyport_session_verifications_total'),
    providers.flatMap(provider => verificationOutcomes.map(outcome => ({ provider, outcome }))),
  )
  const reloads = series(
    make.counter('sallyport_policy_reloads_total'),
    reloadOutcomes.map(outcome => ({ outcome })),
  )
  const shadows = series(
    make.counter('sallyport_shadow_rows_total'),
    shadowEffects.map(effect => ({ effect })),
  )
  const clockJumps = series(
    make.counter('sallyport_clock_jumps_total'),
    clockDirections.map(direction => ({ direction })),
  )
  const groupsOmitted = make.counter('sallyport_groups_omitted_total')
  const exchanges = series(
    make.counter('sallyport_token_exchanges_total'),
    exchangeOutcomes.map(outcome => ({ outcome })),
  )
  const handoffs = make.counter('sallyport_handoffs_total')
  const policyInfo = make.gauge('sallyport_policy_info')
  const policyRows = make.gauge('sallyport_policy_rows')
  const endingRows = make.gauge('sallyport_policy_ending_rows')
  const lastReload = make.gauge('sallyport_policy_last_reload_successful')
  const storeUp = make.gauge('sallyport_store_up')
  const cacheEvents = createCacheCounts(registry)
  const providerUp = make.gauge('sallyport_provider_up')
  for (const provider of options.providers) providerUp.set({ provider }, 0)
  const auditLines = make.counter('sallyport_audit_lines_total')
  const auditFailures = make.counter('sallyport_audit_failures_total')
  const auditLost = make.counter('sallyport_audit_lines_lost_total')
  const gateway = createGatewayMetrics(registry, options.clusters ?? [])
  const ownRights = createOwnRightsGauge(registry, options.clusters ?? [])
  make.gauge('sallyport_workers').set(1)
  make.counter('sallyport_worker_restarts_total')
  if (options.hasProcessMetrics !== false) collectProcessMetrics(registry)

  return {
    decided(front, decision, durationMicroseconds) {
      checks.count(front, decision.effect === 'allow' ? allowReason : decision.reason, durationMicroseconds)
    },
    shadowed: effect => shadows(effect)?.inc(),
    refused: (front, code) => refusals(front, code)?.inc(),
    deciderAsked: (decider, outcome) => askings(decider, outcome)?.inc(),
    tokenRefused: reason => refusedTokens(reason)?.inc(),
    clientError: (listener, error) => unread(listener, error)?.inc(),
    ignoredHeaders: (front, count) => ignored(front)?.inc(count),
    clockJumped: seconds => clockJumps(seconds < 0 ? 'back' : 'forward')?.inc(),
    groupsOmitted: () => groupsOmitted.inc(),
    login: (provider, outcome) => (logins(provider ?? 'unknown', outcome) ?? logins('unknown', outcome))?.inc(),
    handedOff: () => handoffs.inc(),
    exchanged: outcome => exchanges(outcome)?.inc(),
    sessionEnded: cause => ended(cause)?.inc(),
    sessionVerified: (provider, outcome) =>
      (verifications(provider, outcome) ?? verifications('unknown', outcome))?.inc(),
    policyLoaded(revision, rows) {
      policyInfo.reset()
      policyInfo.set({ revision }, 1)
      policyRows.set(rows)
      lastReload.set(1)
      reloads('loaded')?.inc()
    },
    rowsEnding(count) {
      for (const effect of endingEffects)
        for (const state of endingStates) endingRows.set({ effect, state }, count(effect, state))
    },
    policyRejected() {
      lastReload.set(0)
      reloads('rejected')?.inc()
    },
    sessionCache(event) {
      cacheEvents[event] += 1
    },
    storeUp: isUp => storeUp.set(isUp ? 1 : 0),
    providerUp(provider, isUp) {
      if (options.providers.includes(provider)) providerUp.set({ provider }, isUp ? 1 : 0)
    },
    auditWritten: lines => auditLines.inc(lines),
    auditFailed(lost) {
      auditFailures.inc()
      auditLost.inc(lost)
    },
    gateway,
    ownRights,
    render: () => registry.metrics(),
    contentType: registry.contentType,
    values: () => registry.getMetricsAsJSON(),
  }
}

/** Each check is one of these events, or several. */
function createCacheCounts(registry: Registry): Record<(typeof cacheResults)[number] | 'invalidation', number> {
  const counts = { hit: 0, miss: 0, invalidation: 0 }
  const lookups = cacheResults.map(result => ({ labels: { result }, read: () => counts[result] }))
  new ReadCounter('sallyport_session_cache_lookups_total', lookups, registry)
  const invalidations = [{ labels: {}, read: () => counts.invalidation }]
  new ReadCounter('sallyport_session_cache_invalidations_total', invalidations, registry)
  return counts
}

type Labels = Readonly<Record<string, string>>

/** The bound counters of a closed list of label sets, found again by their values in order. */
function series(counter: Counter<string>, labelSets: readonly Labels[]): (...values: string[]) => Cell | undefined {
  const cells = new Map<string, Cell>()
  for (const labels of labelSets) {
    const cell = counter.labels(labels)
    cell.inc(0)
    cells.set(Object.values(labels).join(' '), cell)
  }
  return (...values) => cells.get(values.join(' '))
}

/** Makers of each type from the definitions; the page then has nothing that they do not describe. */
function makers(registry: Registry) {
  return {
    counter: (name: MetricName) => new Counter<string>(describeMetric(name, registry)),
    gauge: (name: MetricName) => new Gauge<string>(describeMetric(name, registry)),
  }
}
