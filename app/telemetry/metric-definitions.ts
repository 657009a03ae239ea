/**
 * Every metric once: name, type, unit, help and the closed list of each label's values. The documentation is generated
 * from here.
 *
 * A client that could choose a label's value could fill the memory of whoever scrapes: no value comes from a request.
 */

import { challengeReasons, denyReasons } from '../../rbac/decision.ts'
import { clientErrors as clientErrorTable } from '../client-error.ts'
import { operationalErrors } from '../errors.ts'
import { callEndings, deciderOutcomes, endCauses, streamKinds, tokenRefusalReasons } from './label-values.ts'

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly unit: string
  readonly help: string
  /** Label name to where its values come from. */
  readonly labels: Readonly<Record<string, string>>
}

export const rightsKinds = ['missing', 'excess', 'unknown'] as const
export const directions = ['received', 'sent'] as const
export const loginOutcomes = ['started', 'succeeded', 'failed'] as const
export const verificationOutcomes = ['verified', 'refused', 'unavailable'] as const
export const reloadOutcomes = ['loaded', 'rejected'] as const
export const cacheResults = ['hit', 'miss'] as const
export const shadowEffects = ['shadow-allow', 'shadow-deny'] as const
export const endingEffects = ['allow', 'deny', 'shadow-allow', 'shadow-deny'] as const
export const endingStates = ['soon', 'over'] as const
export const exchangeOutcomes = ['issued', 'refused', 'revoked'] as const
export const listeners = ['main', 'admin'] as const
export type Listener = (typeof listeners)[number]
export const clientErrors = Object.keys(clientErrorTable) as readonly (keyof typeof clientErrorTable)[]
export const clockDirections = ['forward', 'back'] as const
export const refusalCodes = Object.keys(operationalErrors) as readonly (keyof typeof operationalErrors)[]

/** The reason label of an allowed check: a decision to allow has a rule, not a reason. */
export const allowReason = 'rule-matched'

export const checkOutcomes: readonly { readonly effect: string; readonly reason: string }[] = [
  { effect: 'allow', reason: allowReason },
  ...Object.keys(challengeReasons).map(reason => ({ effect: 'challenge', reason })),
  ...Object.keys(denyReasons).map(reason => ({ effect: 'deny', reason })),
]

/** Upper bounds in seconds: a check takes tens of microseconds, or milliseconds when it reads a store. */
export const durationBuckets = [
  0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
] as const

/** Upper bounds in seconds: a small get takes milliseconds, a list of everything seconds, and a slow answer a minute. */
export const callDurationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const

const list = (values: readonly string[]): string => values.map(value => `\`${value}\``).join(', ')
const front = 'the names of the fronts'
const cluster = "the clusters' names in the configuration"
const provider = "the providers' names in the configuration"

const outcome = {
  front,
  effect: list(['allow', 'challenge', 'deny']),
  reason: `${list([allowReason])} for allow, else the codes of [decisions](decisions.md)`,
}

export const metricDefinitions = {
  sallyport_build_info: {
    type: 'gauge',
    unit: 'none',
    help: 'Always 1; the running version is the label.',
    labels: { version: 'version of this build' },
  },
  sallyport_checks_total: {
    type: 'counter',
    unit: 'checks',
    help: 'Subrequests that were judged.',
    labels: outcome,
  },
  sallyport_shadow_rows_total: {
    type: 'counter',
    unit: 'rows',
    help: 'Shadow rows that applied to a check and would have acted if they were enforced.',
    labels: { effect: list(shadowEffects) },
  },
  sallyport_clock_jumps_total: {
    type: 'counter',
    unit: 'jumps',
    help: 'Times that the clock was set by 30 seconds or more while the process ran.',
    labels: { direction: list(clockDirections) },
  },
  sallyport_check_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'From the parsed subrequest to the decision.',
    labels: outcome,
  },
  sallyport_refused_total: {
    type: 'counter',
    unit: 'subrequests',
    help: 'Subrequests that could not be judged and were answered with an error.',
    labels: { front, code: 'the codes of [errors](errors.md)' },
  },
  sallyport_token_refusals_total: {
    type: 'counter',
    unit: 'tokens',
    help: 'Bearer tokens that let nobody in, by why; each is one of `ERR_BEARER_INVALID`.',
    labels: { reason: list(tokenRefusalReasons) },
  },
  sallyport_decider_questions_total: {
    type: 'counter',
    unit: 'questions',
    help: 'Questions to deciders outside, by what came of them; `full`: too many were under way, and it was not asked.',
    labels: { decider: 'name of a configured decider', outcome: list(deciderOutcomes) },
  },
  sallyport_client_errors_total: {
    type: 'counter',
    unit: 'requests',
    help: 'Requests that were refused before they were read, and connections beyond the bound of the admin listener.',
    labels: { listener: list(listeners), error: list(clientErrors) },
  },
  sallyport_ignored_headers_total: {
    type: 'counter',
    unit: 'headers',
    help: 'Headers such as X_Forwarded_Host that some servers read as their dashed twin; ignored here.',
    labels: { front },
  },
  sallyport_groups_omitted_total: {
    type: 'counter',
    unit: 'headers',
    help: 'Identity headers that were made without groups because they did not fit; headers are given out again for a part of their life.',
    labels: {},
  },
  sallyport_logins_total: {
    type: 'counter',
    unit: 'logins',
    help: 'Logins by provider and outcome.',
    labels: { provider: `${provider}, or \`unknown\``, outcome: list(loginOutcomes) },
  },
  sallyport_token_exchanges_total: {
    type: 'counter',
    unit: 'tokens',
    help: 'Tokens that were exchanged for one of our own, that were not, and of our own those that were revoked.',
    labels: { outcome: list(exchangeOutcomes) },
  },
  sallyport_handoffs_total: {
    type: 'counter',
    unit: 'handoffs',
    help: "Sessions that got their cookie on an application's host.",
    labels: {},
  },
  sallyport_sessions_ended_total: {
    type: 'counter',
    unit: 'sessions',
    help: 'Sessions that ended before their time.',
    labels: { cause: list(endCauses) },
  },
  sallyport_session_verifications_total: {
    type: 'counter',
    unit: 'verifications',
    help: 'Times that a provider was asked about a session again, by what it said; `unavailable` is an answer that does not count, or none.',
    labels: { provider: `${provider}, or \`unknown\``, outcome: list(verificationOutcomes) },
  },
  sallyport_policy_info: {
    type: 'gauge',
    unit: 'none',
    help: 'Always 1; the revision in force is the label.',
    labels: { revision: 'the revision of the policy in force' },
  },
  sallyport_policy_rows: { type: 'gauge', unit: 'rows', help: 'Rows of the policy in force.', labels: {} },
  sallyport_policy_ending_rows: {
    type: 'gauge',
    unit: 'rows',
    help: 'Rows that time has put an end to (`over`), or will within `policy.expiryWarning` (`soon`), counted each hour.',
    labels: { effect: list(endingEffects), state: list(endingStates) },
  },
  sallyport_policy_reloads_total: {
    type: 'counter',
    unit: 'loads',
    help: 'Loads of the policy, the first one included.',
    labels: { outcome: list(reloadOutcomes) },
  },
  sallyport_policy_last_reload_successful: {
    type: 'gauge',
    unit: 'boolean',
    help: '0 while the last good policy stands in for one that was rejected.',
    labels: {},
  },
  sallyport_store_up: {
    type: 'gauge',
    unit: 'boolean',
    help: '1 if the session store answered when it was last asked.',
    labels: {},
  },
  sallyport_session_cache_lookups_total: {
    type: 'counter',
    unit: 'lookups',
    help: 'Sessions that were looked up while Redis keeps them: a hit was answered from memory, a miss was read.',
    labels: { result: list(cacheResults) },
  },
  sallyport_session_cache_invalidations_total: {
    type: 'counter',
    unit: 'messages',
    help: 'Times that Redis told of a changed session, or that everything remembered was dropped.',
    labels: {},
  },
  sallyport_provider_up: {
    type: 'gauge',
    unit: 'boolean',
    help: "1 if the provider's discovery document was read.",
    labels: { provider },
  },
  sallyport_audit_lines_total: {
    type: 'counter',
    unit: 'lines',
    help: 'Audit lines that arrived at their destination.',
    labels: {},
  },
  sallyport_audit_failures_total: {
    type: 'counter',
    unit: 'failures',
    help: 'Failed writes of audit lines; the lines wait and are tried again.',
    labels: {},
  },
  sallyport_audit_lines_lost_total: {
    type: 'counter',
    unit: 'lines',
    help: 'Audit lines that are lost for good: too many waited, or the process ended.',
    labels: {},
  },
  sallyport_kubernetes_streams_open: {
    type: 'gauge',
    unit: 'streams',
    help: 'Watches, followed logs and upgraded connections that are carried to a cluster now.',
    labels: { cluster, kind: list(streamKinds) },
  },
  sallyport_kubernetes_streams_ended_total: {
    type: 'counter',
    unit: 'streams',
    help: 'Those that are over, by how they ended; `cut`: they might not go on, or the gateway stopped.',
    labels: { cluster, kind: list(streamKinds), ending: list(callEndings) },
  },
  sallyport_kubernetes_bytes_total: {
    type: 'counter',
    unit: 'bytes',
    help: 'Of bodies and streams, received from clients and sent to them; those of open streams included.',
    labels: { cluster, direction: list(directions) },
  },
  sallyport_kubernetes_call_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Calls that are no streams, from their arrival at the gateway to their end.',
    labels: { cluster },
  },
  sallyport_kubernetes_upstream_failures_total: {
    type: 'counter',
    unit: 'failures',
    help: 'Times that an API server could not be reached, broke off, was too slow, or did not take the credential of the gateway.',
    labels: { cluster },
  },
  sallyport_kubernetes_own_rights: {
    type: 'gauge',
    unit: 'names',
    help: 'What the gateway may not do in a cluster and would have to, and what it may do and need not; `unknown` is 1 while the cluster has not said.',
    labels: { cluster, kind: list(rightsKinds) },
  },
  sallyport_workers: {
    type: 'gauge',
    unit: 'processes',
    help: 'Processes that answered this scrape; also those that only finish what they have.',
    labels: {},
  },
  sallyport_worker_restarts_total: {
    type: 'counter',
    unit: 'processes',
    help: 'Workers that ended unasked and were replaced; 0 with a single process.',
    labels: {},
  },
} as const satisfies Record<string, MetricDefinition>

export type MetricName = keyof typeof metricDefinitions
