/**
 * Decides a request of an audit file again, with what its event holds. An event holds no claims, headers and
 * certificates; where the decision hangs on what is missing, and is not the one that was made, it cannot be told.
 */
import type { Config } from '../../../config/config.ts'
import { callOfRequest } from '../../../rbac/asking/calls/call.ts'
import { type CallExplanation, explainCall } from '../../../rbac/asking/calls/explain-call.ts'
import { replayCall } from '../../../rbac/asking/calls/replay-call.ts'
import type { MissingFact } from '../../../rbac/asking/replay.ts'
import type { Identity } from '../../../rbac/identity.ts'
import type { Terminal } from '../../terminal.ts'
import { readEvents } from '../audit-file.ts'
import { loadPolicy, type PolicyChoice } from '../load-policy.ts'
import { type AuditEvent, parseDecision, type RecordedDecision } from '../recorded-decision.ts'
import { defaultsOf } from './who-options.ts'

export interface FromAudit {
  /** The event as it was written. */
  readonly recorded: AuditEvent
  /** Facts that the event does not hold, and that are unknown here. */
  readonly lacks: readonly MissingFact[]
  /** Those of them on which the decision hangs; empty when it is certain. */
  readonly hangsOn: readonly MissingFact[]
  readonly isSameRevision: boolean
  /** Effect, reason and rule are those of the event. */
  readonly isSameDecision: boolean
}

/** Without the decision where it cannot be told. */
export type AuditExplanation = (
  | CallExplanation
  | Pick<CallExplanation, 'request' | 'identity' | 'actors' | 'now' | 'clientAddress'>
) & { readonly requestId: string; readonly fromAudit: FromAudit }

interface Found {
  readonly event: AuditEvent
  readonly decision: RecordedDecision
  /** The login of the session, the last one before the request. */
  readonly login?: AuditEvent
}

/** Rejects when the file has no decision of that request. */
export async function explainFromAudit(
  requestId: string,
  file: string,
  choice: PolicyChoice,
  terminal: Terminal,
): Promise<AuditExplanation> {
  const found = await findDecision(file, requestId, terminal)
  const { snapshot, config } = await loadPolicy(choice, terminal)
  const { request, call, context, actors, missing, effect, reason, rule, revision } = found.decision
  const question = { request, context, actors, missing, identity: identityOf(found, config) }
  const replayed = replayCall(snapshot, { ...question, ...(call === undefined ? {} : { call }) })
  const document = explainCall(call ?? callOfRequest(request), question, snapshot)
  const { decision } = document
  const isSameDecision =
    decision.effect === effect &&
    decision.rule === rule &&
    (decision.effect === 'allow' ? undefined : decision.reason) === reason &&
    document.request.action === request.action &&
    document.request.resource === request.resource
  const fromAudit = {
    recorded: found.event,
    lacks: [...missing],
    hangsOn: replayed.kind === 'certain' ? [] : replayed.facts,
    isSameRevision: revision === snapshot.revision,
    isSameDecision,
  }
  if (replayed.kind === 'certain' || isSameDecision) return { requestId, ...document, fromAudit }
  // Threat: somebody reads why a request was denied that was let through, and changes the policy for it.
  const { request: asked, identity, actors: acting, now, clientAddress } = document
  const actorsOf = acting === undefined ? {} : { actors: acting }
  const known = {
    request: asked,
    identity,
    ...actorsOf,
    now,
    ...(clientAddress === undefined ? {} : { clientAddress }),
  }
  return { requestId, ...known, fromAudit }
}

/** A line without groups or provider was written by an earlier version: what the session's login says is near to it. */
function identityOf({ decision, login }: Found, config: Config | undefined): Identity {
  const { identity, missing } = decision
  if (identity.kind === 'anonymous') return identity
  const { provider = 'idp' } = defaultsOf({ issuer: identity.subject.split('#', 1)[0] ?? '' }, config)
  const groups = missing.has('groups') && Array.isArray(login?.groups) ? login.groups.map(String) : identity.groups
  if (identity.provider !== '') return { ...identity, groups }
  return { ...identity, groups, provider: typeof login?.provider === 'string' ? login.provider : provider }
}

async function findDecision(file: string, requestId: string, terminal: Terminal): Promise<Found> {
  const logins = new Map<string, AuditEvent>()
  for await (const event of readEvents(file, terminal)) {
    if (event === undefined) continue
    if (event.event === 'login.succeeded' && typeof event.session === 'string') logins.set(event.session, event)
    const decision = event.requestId === requestId ? parseDecision(event) : undefined
    if (decision === undefined) continue
    const login = logins.get(String(event.session))
    return { event, decision, ...(login === undefined ? {} : { login }) }
  }
  throw new Error(`${file} has no decision with the request id ${requestId}`)
}
