/** The audit event of a decision as an object: what the line that `createAccessFormat` writes has to say. */
import { type Access, eventOf, factsOf, impersonatedOf, outcomeOf } from '../app/audit/access-event.ts'
import type { AuditEvent, WithoutStamp } from '../app/audit/event.ts'

export function accessEvent({
  question,
  authentication,
  decision,
  durationMicroseconds,
}: Access): WithoutStamp<AuditEvent> {
  const event = {
    event: eventOf[decision.effect],
    requestId: question.requestId,
    clientAddress: question.clientAddress,
    session: authentication.sessionDigest,
    front: question.front,
    domain: question.request.domain,
    resource: question.request.resource,
    action: question.request.action,
    kubernetes: question.kubernetes,
    ...factsOf(authentication.impersonation?.by ?? authentication.identity),
    ...(authentication.impersonation !== undefined && impersonatedOf(authentication.impersonation)),
    ...authentication.credential,
    ...outcomeOf(decision),
    durationMicroseconds,
  }
  // Event and reason belong together as effect and reason of a decision do; the compiler cannot follow that.
  return event as WithoutStamp<AuditEvent>
}
