/**
 * Every audit event and every field of it with its sentence. What is not listed here is not written, whatever an event
 * object carries beside it; the documentation is generated from here. The compiler holds it equal to `AuditEvent`.
 */
import type { AuditEvent, AuditEventName } from './event.ts'

type Of<N extends AuditEventName> = Extract<AuditEvent, { readonly event: N }>
type StampField = 'v' | 'time' | 'event'
type CommonField = 'requestId' | 'subject' | 'email' | 'clientAddress' | 'session'
type OwnField<N extends AuditEventName> = Exclude<keyof Of<N>, StampField | CommonField>

export const stampFields = {
  v: 'Version of the format: 1.',
  time: 'RFC 3339, UTC, with milliseconds.',
  event: 'Name of the event.',
} as const satisfies Record<StampField, string>

export const commonFields = {
  requestId: 'Joins this line with the answer, the denial page and the operational log.',
  subject: '`<issuer>#<sub>`; absent for anonymous requests.',
  email: "The person's verified address.",
  clientAddress: 'Address that a trusted proxy vouched for.',
  session: "First 16 characters of the session key's digest: joins the events of one session, opens nothing.",
} as const satisfies Record<CommonField, string>

const accessFields = {
  front: 'Dialect in which the proxy asked.',
  domain: 'Canonical host.',
  resource: 'Canonical path as it was matched, without the query, which may hold secrets.',
  action: 'Method of the original request.',
  revision: 'Policy revision that decided.',
  rule: '`file:line` of the deciding row.',
  shadow: 'Ids of the shadow rows that apply and would have acted; never enforced. Absent when none does.',
  durationMicroseconds: 'From the parsed question to the decision.',
} as const

const reason = 'Code of the closed list in [decisions](decisions.md).'
const code = 'Code of the closed list in [errors](errors.md).'
const provider = "The provider's name in the configuration."

export const auditEvents: {
  readonly [N in AuditEventName]: { readonly sentence: string; readonly fields: Record<OwnField<N>, string> }
} = {
  'access.allowed': { sentence: 'A request was let through.', fields: accessFields },
  'access.challenged': {
    sentence: 'A request was sent to log in, or to log in again.',
    fields: { ...accessFields, reason },
  },
  'access.denied': { sentence: 'A request was denied.', fields: { ...accessFields, reason } },
  'access.refused': {
    sentence: 'A subrequest could not be judged: malformed, from an untrusted peer, or something it needs is down.',
    fields: { front: accessFields.front, code },
  },
  'login.started': { sentence: 'Somebody was sent to a provider.', fields: { provider } },
  'login.succeeded': {
    sentence: 'Somebody logged in.',
    fields: { provider, groups: 'Groups that the provider asserted.' },
  },
  'login.failed': { sentence: 'A login did not succeed.', fields: { provider, code } },
  'session.handed-off': {
    sentence: "A session got its cookie on an application's host.",
    fields: { domain: accessFields.domain },
  },
  'session.ended': {
    sentence: 'A session ended before its time.',
    fields: { cause: '`logout`, `login-replaced` or `revoked`.' },
  },
  'policy.loaded': {
    sentence: 'A policy is in force.',
    fields: { revision: 'Its revision.', rows: 'How many rows it has.' },
  },
  'policy.rejected': {
    sentence: 'A policy was refused; the last good one stays in force.',
    fields: { revision: 'The revision that stays in force.', detail: 'Why, with file and line.' },
  },
}

/** All fields of an event in the order in which they are written, after the stamp. */
export function fieldsOf(name: AuditEventName): readonly string[] {
  return [...Object.keys(commonFields), ...Object.keys(auditEvents[name].fields)]
}
