/**
 * The audit event of a decision: what was asked, who asked, what was answered, and the facts that the policy can ask
 * about a person, so that the same question can be put to another policy later (`sallyport policy replay`).
 */
import type { AccessRequest } from '../rbac/access-request.ts'
import type { Decision } from '../rbac/decision.ts'
import type { Identity, Machine } from '../rbac/identity.ts'
import type { AuditEvent, WithoutStamp } from './audit/event.ts'

/** Beyond it a line would grow with whatever a provider asserts; all or none, so that no list looks complete and is not. */
const maxGroups = 64
const maxGroupsLength = 4_096

/** What the event says of a question; a front's whole question will do. */
interface Question {
  readonly front: string
  readonly requestId: string
  readonly request: AccessRequest
  readonly clientAddress?: string | undefined
}

export function accessEvent(
  question: Question,
  authentication: { readonly identity: Identity; readonly sessionDigest?: string | undefined },
  decision: Decision,
  durationMicroseconds: number,
): WithoutStamp<AuditEvent> {
  const { identity } = authentication
  const isKnown = identity.kind !== 'anonymous'
  const person = identity.kind === 'user' ? identity : undefined
  const areGroupsWritten = isKnown && isSmall(identity.groups)
  const event = {
    event: eventOf[decision.effect],
    requestId: question.requestId,
    subject: isKnown ? identity.subject : undefined,
    email: person?.email,
    clientAddress: question.clientAddress,
    session: authentication.sessionDigest,
    front: question.front,
    domain: question.request.domain,
    resource: question.request.resource,
    action: question.request.action,
    revision: decision.revision,
    rule: decision.rule,
    shadow: decision.shadow,
    provider: isKnown ? identity.provider : undefined,
    groups: areGroupsWritten ? identity.groups : undefined,
    groupsOmitted: isKnown && !areGroupsWritten ? identity.groups.length : undefined,
    authTime: person?.authTime,
    amr: person?.amr,
    acr: person?.acr,
    machine: identity.kind === 'machine' ? machineOf(identity) : undefined,
    durationMicroseconds,
    reason: decision.effect === 'allow' ? undefined : decision.reason,
  }
  // Event and reason belong together as effect and reason of a decision do; the compiler cannot follow that.
  return event as WithoutStamp<AuditEvent>
}

const eventOf = { allow: 'access.allowed', challenge: 'access.challenged', deny: 'access.denied' } as const

const machineOf = ({ serviceAccount, client }: Machine): string =>
  serviceAccount === undefined ? `client:${client ?? ''}` : `service-account:${serviceAccount}`

function isSmall(groups: readonly string[]): boolean {
  if (groups.length > maxGroups) return false
  let length = 0
  for (const group of groups) length += group.length
  return length <= maxGroupsLength
}
