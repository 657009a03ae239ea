/**
 * What the audit event of a decision says: what was asked, who asked, what was answered, and the facts that the policy can
 * ask about a person, so that the same question can be put to another policy later (`sallyport policy replay`).
 */

import type { Decision } from '../../rbac/decision.ts'
import type { Identity, Machine, User } from '../../rbac/identity.ts'
import type { AuditedKubernetesCall } from '../../rbac/kubernetes/call-facts.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'

/** Beyond it a line would grow with whatever a provider asserts; all or none, so that no list looks complete and is not. */
const maxGroups = 64
const maxGroupsLength = 4_096

/** A decision with what an audit event says of it; a front's whole question will do. */
export interface Access {
  readonly question: {
    readonly front: string
    readonly requestId: string
    readonly request: AccessRequest
    readonly clientAddress?: string | undefined
    readonly kubernetes?: AuditedKubernetesCall | undefined
    readonly asked?: AskedByFacts | undefined
  }
  readonly authentication: {
    readonly identity: Identity
    readonly sessionDigest?: string | undefined
    readonly impersonation?: ImpersonationFacts
    readonly credential?: CredentialFacts
  }
  readonly decision: Decision
  readonly durationMicroseconds: number
}

/** An application asked about whoever the event is of. */
export interface AskedByFacts {
  /** As rows name it. */
  readonly askedBy: string
  /** Whom it named, as `<type>:<id>`: an event of nobody may be of somebody who is not known. */
  readonly askedAbout: string
  /** What it calls its question (`X-Request-ID`). */
  readonly askedId?: string | undefined
}

/** Which token, password or certificate said who asked, for whoever did not come with a session. Never itself. */
export interface CredentialFacts {
  readonly credential:
    | 'service-account-token'
    | 'client-token'
    | 'user-token'
    | 'exchanged-token'
    | 'login-token'
    | 'application-password'
    | 'client-certificate'
  /** Name of its issuer in the configuration; `sallyport` for what was made here. */
  readonly credentialIssuer: string
  /** `jti`, the handle of a password, or the fingerprint of a certificate; absent where it has none, or none that can be written. */
  readonly credentialId?: string
  /** Of an exchanged one: `<issuer>/<jti>` of each token that it was made from, the first one first. */
  readonly credentialChain?: readonly string[]
  /** Of an exchanged one: who acted, as rows name them, in that order. */
  readonly credentialActors?: readonly string[]
}

/** Somebody asked to be judged as somebody else. */
export interface ImpersonationFacts {
  /** Who did: an event is theirs. */
  readonly by: Identity
  /** As the cluster spells it. */
  readonly user: string
  /** As few as may be asked for. */
  readonly groups: readonly string[]
}

export const eventOf = { allow: 'access.allowed', challenge: 'access.challenged', deny: 'access.denied' } as const

/** What an event says of who asked, the same for every request of theirs. */
export function factsOf(identity: Identity) {
  if (identity.kind === 'anonymous') return {}
  const person = identity.kind === 'user' ? identity : undefined
  const areGroupsWritten = isSmall(identity.groups)
  return {
    subject: identity.subject,
    email: person?.email,
    provider: identity.provider,
    groups: areGroupsWritten ? identity.groups : undefined,
    groupsOmitted: areGroupsWritten ? undefined : identity.groups.length,
    authTime: person?.authTime,
    amr: person?.amr,
    acr: person?.acr,
    machine: identity.kind === 'machine' ? machineOf(identity) : undefined,
  }
}

/** What an event says of whom a person asked to be judged as. */
export const impersonatedOf = ({ user, groups }: Omit<ImpersonationFacts, 'by'>) => ({
  impersonatedUser: user,
  impersonatedGroups: groups,
})

/** What an event says of the decision beside its effect. */
export function outcomeOf(decision: Decision) {
  const { revision, rule, shadow } = decision
  return {
    revision,
    rule,
    shadow,
    reason: decision.effect === 'allow' ? undefined : decision.reason,
    deniedActor: decision.effect === 'deny' ? decision.deniedActor : undefined,
  }
}

/** As rows name somebody. */
export const subjectName = (identity: Machine | User): string =>
  identity.kind === 'user' ? `user:${identity.subject}` : machineOf(identity)

function machineOf({ serviceAccount, client, certificate }: Machine): string {
  if (serviceAccount !== undefined) return `service-account:${serviceAccount}`
  return certificate === undefined ? `client:${client ?? ''}` : `certificate:${certificate}`
}

function isSmall(groups: readonly string[]): boolean {
  if (groups.length > maxGroups) return false
  let length = 0
  for (const group of groups) length += group.length
  return length <= maxGroupsLength
}
