/**
 * The audit event of a decision: what was asked, who asked, what was answered, and the facts that the policy can ask
 * about a person, so that the same question can be put to another policy later (`sallyport policy replay`).
 */
import type { AccessRequest } from '../rbac/access-request.ts'
import type { Decision } from '../rbac/decision.ts'
import type { Identity } from '../rbac/identity.ts'
import type { AuditEvent, WithoutStamp } from './audit/event.ts'

/** Beyond it a line would grow with whatever a provider asserts; all or none, so that no list looks complete and is not. */
const maxGroups = 64
const maxGroupsLength = 4_096

/** What the event says of a question; a front's whole question will do. */
interface Question {
  readonly front: string
  readonly requestId: string
  readonly request: AccessRequest
  readonly clientAddress?: string
}

export function accessEvent(
  question: Question,
  authentication: { readonly identity: Identity; readonly sessionDigest?: string },
  decision: Decision,
  durationMicroseconds: number,
): WithoutStamp<AuditEvent> {
  const { identity, sessionDigest } = authentication
  const common = {
    requestId: question.requestId,
    ...(question.clientAddress === undefined ? {} : { clientAddress: question.clientAddress }),
    ...(sessionDigest === undefined ? {} : { session: sessionDigest }),
    ...factsOf(identity),
    front: question.front,
    domain: question.request.domain,
    resource: question.request.resource,
    action: question.request.action,
    revision: decision.revision,
    ...(decision.rule === undefined ? {} : { rule: decision.rule }),
    ...(decision.shadow === undefined ? {} : { shadow: decision.shadow }),
    durationMicroseconds,
  }
  switch (decision.effect) {
    case 'allow':
      return { event: 'access.allowed', ...common }
    case 'challenge':
      return { event: 'access.challenged', ...common, reason: decision.reason }
    case 'deny':
      return { event: 'access.denied', ...common, reason: decision.reason }
  }
}

function factsOf(identity: Identity) {
  if (identity.kind === 'anonymous') return {}
  const { subject, provider, groups } = identity
  const common = { subject, provider, ...groupsOf(groups) }
  if (identity.kind === 'machine') {
    const { serviceAccount, client } = identity
    const machine = serviceAccount === undefined ? `client:${client ?? ''}` : `service-account:${serviceAccount}`
    return { ...common, machine }
  }
  const { email, authTime, amr, acr } = identity
  return {
    ...common,
    ...(email === undefined ? {} : { email }),
    ...(authTime === undefined ? {} : { authTime }),
    ...(amr === undefined ? {} : { amr }),
    ...(acr === undefined ? {} : { acr }),
  }
}

function groupsOf(groups: readonly string[]) {
  const length = groups.reduce((sum, group) => sum + group.length, 0)
  const isSmall = groups.length <= maxGroups && length <= maxGroupsLength
  return isSmall ? { groups } : { groupsOmitted: groups.length }
}
