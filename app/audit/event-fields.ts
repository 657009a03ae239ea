/**
 * Every audit event and every field of it with its sentence. What is not listed here is not written, whatever an event
 * object carries beside it; the documentation is generated from here. The compiler holds it equal to `AuditEvent`.
 */
import type { AuditedKubernetesCall } from '../../rbac/kubernetes/call-facts.ts'
import type { AuditEvent, AuditEventName, EndCause, ExchangeRefusal } from './event.ts'

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

const impersonatedFields = {
  impersonatedUser:
    'User that the person asked to be judged as in a cluster (`--as`), as the cluster spells it; the event is theirs all the same.',
  impersonatedGroups: 'Groups that they asked to be judged as (`--as-group`), as the cluster spells them.',
} as const

/** Of the object `kubernetes`: what a call to a cluster is, without our paths. The documentation is made from here. */
export const kubernetesFields = {
  cluster: 'Its name in the configuration.',
  verb: "As in the API server's own audit log, `get` for a shell that is opened by GET; `action` is what the policy was asked.",
  group: 'API group; `core` for the one without a name.',
  resource: 'In the plural, as in paths.',
  namespace: 'Absent for resources of the cluster, and for those of all namespaces.',
  name: 'In the path, or the only one that the field selector of a list or watch lets through.',
  subresource: '`exec`, `log`, `status`, …',
  path: 'Of a URL that is no resource, in the place of the last five.',
  apply: '`true`: a patch that creates what is not there.',
  upgrade: '`websocket` or `spdy`, where the connection becomes a stream.',
  rules: 'Rows that let the further questions of the call pass, as `file:line`.',
  shadow: 'Shadow rows that applied to the further questions.',
} as const satisfies Record<keyof AuditedKubernetesCall, string>

const kubernetes = 'Of a call to a cluster: an object with [these fields](#the-object-kubernetes).'

const accessFields = {
  front: 'Dialect in which the proxy asked.',
  domain: 'Canonical host.',
  resource: 'Canonical path as it was matched, without the query, which may hold secrets.',
  action: 'Method of the original request.',
  revision: 'Policy revision that decided.',
  rule: '`file:line` of the deciding row.',
  shadow: 'Shadow rows that applied, as `file:line`; absent when none did.',
  provider: "The provider's name in the configuration; absent for anonymous requests.",
  groups: 'Groups that the provider asserted: all of them, or none when they are more than 64 or 4,096 characters.',
  groupsOmitted: 'How many groups there were, when they were too many to write.',
  authTime: 'When the person authenticated, in seconds since the epoch (`auth_time`).',
  amr: 'How the person authenticated (`amr`).',
  acr: 'Authentication context class (`acr`).',
  machine: '`service-account:…`, `client:…` or `certificate:…` of a workload; absent for people.',
  credential:
    'What said who asks, where it was no session: `service-account-token`, `client-token`, `user-token`, `application-password`, `client-certificate`, `exchanged-token` for one that this service made, or `login-token` for one that it made out of a login; that has a `session` as well.',
  credentialIssuer:
    "Name of the token's issuer in `machines.issuers`, or of the certificate's authority in `machines.certificates`; `sallyport` for one of our own and for a password.",
  credentialId:
    'The `jti` of the token, the handle of the password, or the fingerprint of the certificate; never the token or the password.',
  credentialChain:
    'Of an exchanged token: `<issuer>/<jti>` of each token that it was made from, the first one first; `-` for one without a `jti`.',
  credentialActors: 'Of an exchanged token: who acted for the subject, as rows name them, in that order.',
  ...impersonatedFields,
  kubernetes,
  askedBy:
    'Of a question of an application ([AuthZEN](../authzen.md)): who asked, as rows name it; the event is of whom it asked about.',
  askedAbout: 'Whom it named, as `<type>:<id>`; of somebody who is not known there is no `subject`.',
  askedId: 'What the application calls its question (`X-Request-ID`).',
  durationMicroseconds: 'From the parsed question to the decision.',
} as const

const reason = 'Code of the closed list in [decisions](decisions.md).'
const code = 'Code of the closed list in [errors](errors.md).'
const by = 'Who ended it, where somebody other than the person did.'
const provider = "The provider's name in the configuration."
const handle = 'Names the password, and opens nothing.'
const grant = "First 16 characters of the grant's digest: joins its events, opens nothing."

/** Every cause of an end, and what it means. */
const causeMeanings = {
  logout: 'the person logged out here',
  'login-replaced': 'the same browser logged in again',
  'other-session': 'the person ended it from another session of theirs',
  admin: 'an administrator ended it',
  'back-channel': 'the provider told this service',
  'front-channel': "the provider told the person's browser",
  'provider-refused': 'the provider no longer stands by it',
  'verification-overdue': 'the provider could not be asked for too long',
} as const satisfies Record<EndCause, string>

/** Every reason why nothing was exchanged. */
const exchangeRefusals = {
  request: 'it cannot be read',
  'subject-token': 'the token counts for nothing here',
  'actor-token': 'that of the actor does not, or is missing, or may not act',
  target: 'the host takes no tokens of ours, or there is none',
  scope: 'it would be wider',
  chain: 'it was exchanged too often',
  policy: 'no row allows it',
  proof: 'what the token is bound to was not proved',
  certificate: 'the connection has not the client certificate that it needs',
} as const satisfies Record<ExchangeRefusal, string>

export const auditEvents: {
  readonly [N in AuditEventName]: { readonly sentence: string; readonly fields: Record<OwnField<N>, string> }
} = {
  'access.allowed': { sentence: 'A request was let through.', fields: accessFields },
  'access.challenged': {
    sentence: 'A request was sent to log in, or to log in again.',
    fields: { ...accessFields, reason },
  },
  'access.denied': {
    sentence: 'A request was denied.',
    fields: {
      ...accessFields,
      reason,
      deniedActor: 'Of `credentialActors`: to whom `rule` denies it, where it is not denied to whom they act for.',
    },
  },
  'access.refused': {
    sentence: 'A subrequest could not be judged: malformed, from an untrusted peer, or something it needs is down.',
    fields: {
      front: accessFields.front,
      code,
      detail: 'Which rule it broke, where the request itself was at fault.',
      askedFor:
        'What was asked for in the words of the proxy, without the query: up to 500 characters, where it has no canonical form.',
    },
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
    fields: {
      cause: `${Object.entries(causeMeanings)
        .map(([cause, meaning]) => `\`${cause}\` (${meaning})`)
        .join(', ')}.`,
      by,
    },
  },
  'session.verified': {
    sentence: 'The provider was asked about a session again and stands by it.',
    fields: { provider },
  },
  'session.verification-failed': {
    sentence: 'The provider was asked about a session again and did not stand by it.',
    fields: { provider, code, reason: '`refused`: it said no; `unavailable`: it gave no answer that counts.' },
  },
  'sessions.cut': {
    sentence: 'Every session of a kind that began before this moment has ended, wherever it is kept.',
    fields: {
      scope: '`subject` (the one of this line), `provider-session`, `provider` or `all`.',
      provider: "The provider's name in the configuration; absent when the sessions are not those of one provider.",
      by,
    },
  },
  'grant.issued': {
    sentence: 'Somebody let kubectl in on a machine.',
    fields: { grant, way: '`browser` (of the same machine) or `device` (a code that was typed elsewhere).' },
  },
  'grant.refused': {
    sentence: 'Kubectl was not let in, or not any more.',
    fields: {
      reason:
        '`cancelled` (the person said no), `redirect-uri`, `request`, `code`, `verifier`, `user-code`, `refresh-token` (what did not pass), `session-ended` or `audience`.',
    },
  },
  'grant.ended': {
    sentence: 'A machine lost its grant before its time.',
    fields: {
      grant,
      cause:
        '`logout` (the person asked for it), `session-ended`, or `reused` (a refresh token came that had been replaced: somebody has a copy).',
    },
  },
  'token.issued': {
    sentence: 'Kubectl got a token.',
    fields: { grant, audience: "The cluster's name, or `account` for what is asked about the login itself." },
  },
  'exchange.issued': {
    sentence: 'A token was exchanged for one of our own; the decision about it has the same request id.',
    fields: {
      jti: 'Of the new token; never the token.',
      host: 'The one host that it is for.',
      scope: 'What it may do there; absent when that is left to the policy.',
      expiresAt: 'Until when it counts, in seconds since the epoch.',
      credential: accessFields.credential,
      credentialIssuer: accessFields.credentialIssuer,
      credentialId: accessFields.credentialId,
      credentialChain: accessFields.credentialChain,
      credentialActors: accessFields.credentialActors,
      actor: 'Who acts for the subject with the new token (`actor_token`), as rows name them.',
      confirmation:
        '`dpop`: its bearer has to prove with each request that they hold a key; `certificate`: it counts together with one client certificate alone; `dpop-and-certificate`: both.',
    },
  },
  'exchange.refused': {
    sentence: 'A token was not exchanged.',
    fields: {
      reason: `${Object.entries(exchangeRefusals)
        .map(([name, meaning]) => `\`${name}\` (${meaning})`)
        .join(', ')}.`,
    },
  },
  'exchange.revoked': {
    sentence: 'A token of our own was revoked by whoever had it, and with it all that was made of it.',
    fields: { jti: 'Its id; never the token.', host: 'The host that it was for.' },
  },
  'authzen.searched': {
    sentence: 'An application asked who may do something, or what somebody may.',
    fields: {
      askedBy: 'Who asked, as rows name it.',
      askedAbout: 'Whom it named, as `<type>:<id>`; absent where subjects were asked for.',
      askedId: accessFields.askedId,
      wanted: 'What was asked for: `subject`, `resource` or `action`.',
      domain: accessFields.domain,
      resource: 'Canonical path that was asked about; absent where resources were asked for.',
      action: 'What is to be done; absent where actions were asked for.',
      revision: accessFields.revision,
      found: 'How many were told, on this page.',
    },
  },
  'call.finished': {
    sentence: 'A call to a cluster that was let in is over; its decision has the same request id.',
    fields: {
      domain: '`kube:<cluster>`.',
      resource: accessFields.resource,
      action: 'Verb of the policy.',
      kubernetes,
      status: 'What the client was answered; 101 for an upgraded connection.',
      bytesReceived: 'From the client, without heads.',
      bytesSent: 'To the client, without heads.',
      durationMilliseconds: 'From its arrival to its end.',
      ending: '`complete`, `client-gone`, `upstream-failed`, `cut` (it might not go on) or `refused`.',
      why: 'Reason of the refusal with which it was cut or refused.',
      machine: accessFields.machine,
      credential: accessFields.credential,
      credentialIssuer: accessFields.credentialIssuer,
      credentialId: accessFields.credentialId,
      credentialChain: accessFields.credentialChain,
      credentialActors: accessFields.credentialActors,
      ...impersonatedFields,
    },
  },
  'password.made': {
    sentence: 'Somebody made an application password.',
    fields: { handle, hosts: 'Hosts that it is for.', expiresAt: 'RFC 3339, UTC.' },
  },
  'password.revoked': {
    sentence: 'An application password ended before its time.',
    fields: {
      handle,
      cause:
        '`owner` (on the page of sessions), `other-sessions` (the owner ended all other sessions) or `admin` (an administrator revoked it, or ended all sessions of the owner).',
      by,
    },
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
