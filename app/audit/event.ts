/**
 * The closed list of audit events and their fields, version 1. One JSON line each.
 *
 * No field can hold a credential: there is none for a cookie, a token, a code or a session id. `session` is a digest
 * that joins events of one session and is of no use to anyone else.
 */
import type { ChallengeReason, DenyReason, RuleId } from '../../rbac/decision.ts'
import type { AuditedKubernetesCall } from '../../rbac/kubernetes/call-facts.ts'
import type { CredentialFacts } from './access-event.ts'

interface Common {
  /** Format version. */
  readonly v: 1
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string
  readonly requestId: string
  /** `<issuer>#<sub>`; absent for anonymous requests. */
  readonly subject?: string | undefined
  readonly email?: string | undefined
  readonly clientAddress?: string | undefined
  /** First 16 characters of the session key's digest. */
  readonly session?: string | undefined
}

interface Access extends Common {
  readonly front: string
  readonly domain: string
  /** Canonical path, as it was matched. The query is never logged: it may hold secrets. */
  readonly resource: string
  readonly action: string
  /** Policy revision that decided. */
  readonly revision: string
  readonly rule?: RuleId | undefined
  /** Shadow rows that applied; absent when none did. */
  readonly shadow?: readonly RuleId[] | undefined
  /** Facts that the policy can ask about whoever is logged in, so that the question can be put to another policy. */
  readonly provider?: string | undefined
  /** All of them, or else `groupsOmitted`; neither for anonymous requests. */
  readonly groups?: readonly string[] | undefined
  readonly groupsOmitted?: number | undefined
  /** Seconds since the epoch. */
  readonly authTime?: number | undefined
  readonly amr?: readonly string[] | undefined
  readonly acr?: string | undefined
  /** `service-account:…`, `client:…` or `certificate:…`, as policy rows name a workload. */
  readonly machine?: string | undefined
  readonly credential?: CredentialFacts['credential'] | undefined
  readonly credentialIssuer?: string | undefined
  readonly credentialId?: string | undefined
  readonly credentialChain?: readonly string[] | undefined
  readonly credentialActors?: readonly string[] | undefined
  readonly impersonatedUser?: string | undefined
  readonly impersonatedGroups?: readonly string[] | undefined
  readonly kubernetes?: AuditedKubernetesCall | undefined
  readonly askedBy?: string | undefined
  readonly askedAbout?: string | undefined
  readonly askedId?: string | undefined
  readonly durationMicroseconds: number
}

export type EndCause =
  | 'logout'
  | 'login-replaced'
  | 'other-session'
  | 'admin'
  | 'back-channel'
  | 'front-channel'
  | 'provider-refused'
  | 'verification-overdue'

/** `refused`: the provider said no, and the session ends. `unavailable`: it said nothing, and the session waits. */
type VerificationFailure = 'refused' | 'unavailable'

/** How a person let kubectl in: in the browser of the same machine, or with a code from another one. */
export type GrantWay = 'browser' | 'device'

export type GrantRefusal =
  | 'cancelled'
  | 'redirect-uri'
  | 'request'
  | 'code'
  | 'verifier'
  | 'user-code'
  | 'policy'
  | 'name'
  | 'refresh-token'
  | 'session-ended'
  | 'audience'

export type GrantEnd = 'logout' | 'session-ended' | 'reused'

/** Why a token was not exchanged for one of our own. */
export type ExchangeRefusal =
  | 'request'
  | 'subject-token'
  | 'actor-token'
  | 'target'
  | 'scope'
  | 'chain'
  | 'policy'
  | 'proof'
  | 'certificate'

/** What has to come along with each use of a token. */
export type ExchangeConfirmation = 'dpop' | 'certificate' | 'dpop-and-certificate'

/** A token was exchanged; `credential…` are those of the one that came. */
interface ExchangeIssued extends Partial<CredentialFacts> {
  readonly event: 'exchange.issued'
  /** `jti` of the new one. */
  readonly jti: string
  readonly host: string
  readonly scope?: string | undefined
  /** Seconds since the epoch. */
  readonly expiresAt: number
  readonly actor?: string | undefined
  readonly confirmation?: ExchangeConfirmation | undefined
}

/** An application asked who, what or how. */
interface Searched {
  readonly event: 'authzen.searched'
  readonly askedBy: string
  readonly askedAbout?: string | undefined
  readonly askedId?: string | undefined
  readonly wanted: 'subject' | 'resource' | 'action'
  readonly domain: string
  readonly resource?: string | undefined
  readonly action?: string | undefined
  readonly revision: string
  /** On the page that was given. */
  readonly found: number
}

export type PasswordEnd = 'owner' | 'other-sessions' | 'admin'

/** Whose sessions end together; a single one is `session.ended`. */
type CutScope = 'subject' | 'provider-session' | 'provider' | 'all'

/** A call to a cluster that was let in is over. Its decision is `access.allowed` with the same request id. */
interface CallFinished extends Partial<CredentialFacts> {
  readonly event: 'call.finished'
  /** Of a workload, as policy rows name it. */
  readonly machine?: string | undefined
  readonly domain: string
  readonly resource: string
  readonly action: string
  readonly kubernetes: AuditedKubernetesCall
  /** What the client was answered; 101 for an upgrade. */
  readonly status: number
  /** Of bodies and streams, without heads. */
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly durationMilliseconds: number
  readonly ending: 'complete' | 'client-gone' | 'upstream-failed' | 'cut' | 'refused'
  readonly why?: string | undefined
  readonly impersonatedUser?: string | undefined
  readonly impersonatedGroups?: readonly string[] | undefined
}

export type AuditEvent =
  | (Access & { readonly event: 'access.allowed' })
  | (Access & { readonly event: 'access.challenged'; readonly reason: ChallengeReason })
  | (Access & {
      readonly event: 'access.denied'
      readonly reason: DenyReason
      /** Somebody who acts, as rows name them: it is denied to them. */
      readonly deniedActor?: string | undefined
    })
  | (Common & {
      readonly event: 'access.refused'
      readonly front: string
      readonly code: string
      readonly detail?: string | undefined
      /** Not canonical, and so not what anything was judged by. Without the query. */
      readonly askedFor?: string | undefined
    })
  | (Common & { readonly event: 'login.started'; readonly provider: string })
  | (Common & { readonly event: 'login.succeeded'; readonly provider: string; readonly groups: readonly string[] })
  | (Common & { readonly event: 'login.failed'; readonly provider?: string; readonly code: string })
  | (Common & { readonly event: 'session.handed-off'; readonly domain: string })
  | (Common & { readonly event: 'session.ended'; readonly cause: EndCause; readonly by?: string | undefined })
  | (Common & { readonly event: 'session.verified'; readonly provider: string })
  | (Common & {
      readonly event: 'session.verification-failed'
      readonly provider: string
      readonly code: string
      readonly reason: VerificationFailure
    })
  | (Common & {
      readonly event: 'sessions.cut'
      readonly scope: CutScope
      readonly provider?: string | undefined
      readonly by?: string | undefined
    })
  | (Common & { readonly event: 'grant.issued'; readonly grant: string; readonly way: GrantWay })
  | (Common & { readonly event: 'grant.refused'; readonly reason: GrantRefusal })
  | (Common & { readonly event: 'grant.ended'; readonly grant: string; readonly cause: GrantEnd })
  | (Common & { readonly event: 'token.issued'; readonly grant: string; readonly audience: string })
  | (Common & ExchangeIssued)
  | (Common & { readonly event: 'exchange.refused'; readonly reason: ExchangeRefusal })
  | (Common & { readonly event: 'exchange.revoked'; readonly jti: string; readonly host: string })
  | (Common & Searched)
  | (Common & CallFinished)
  | (Common & {
      readonly event: 'password.made'
      readonly handle: string
      readonly hosts: readonly string[]
      readonly expiresAt: string
    })
  | (Common & {
      readonly event: 'password.revoked'
      readonly handle: string
      readonly cause: PasswordEnd
      readonly by?: string | undefined
    })
  | (Common & { readonly event: 'policy.loaded'; readonly revision: string; readonly rows: number })
  | (Common & { readonly event: 'policy.rejected'; readonly revision: string; readonly detail: string })

export type AuditEventName = AuditEvent['event']

export type WithoutStamp<E> = E extends AuditEvent ? Omit<E, 'v' | 'time'> : never

/** Where events go. `write` stamps version and time; it never throws and never blocks. */
export interface AuditLog {
  write(event: WithoutStamp<AuditEvent>): void
  /** Everything written so far is on its way to the sink; resolves when it arrived. */
  flush(): Promise<void>
}
