/** What an inventory says of one identity that is no person. */
import type { RightCounts } from '../excess/excess.ts'
import type { Severity } from '../finding.ts'
import type { CertificateRequest, Place } from '../objects.ts'
import type { ReachSummary } from './reach-summary.ts'

export const identityKinds = [
  'service-account',
  /** A user that a binding names and that looks like no person: a client certificate, a component, a static token. */
  'named-user',
  'bootstrap-token',
  'certificate-request',
  /** `client:` and `certificate:` rows of the policy, and `service-account:` rows of other clusters. */
  'machine',
  /** What Sallyport takes bearer tokens of. */
  'token-issuer',
  /** A token that a program brings for a person, whatever it is called. */
  'bearer-token',
  'application-password',
] as const
export type IdentityKind = (typeof identityKinds)[number]

/** `stated`: somebody said so of this; `likely`: what put it there, or whose namespace it is in; `guess`: what wrote it last. */
export const certainties = ['stated', 'likely', 'guess'] as const

export interface Owner {
  readonly name: string
  /** Which field said it: an annotation, a label, an owner reference. */
  readonly inferredFrom: string
  readonly certainty: (typeof certainties)[number]
}

export const credentialKinds = [
  'token-secret',
  'automounted-token',
  'projected-token',
  'bootstrap-token',
  'certificate',
  'password',
  /** Of what comes to Sallyport, as its audit events name it. */
  'client-token',
  'service-account-token',
  'user-token',
  'exchanged-token',
  'login-token',
  'client-certificate',
] as const

export interface Credential {
  readonly kind: (typeof credentialKinds)[number]
  /** Of the Secret or the workload that has it, or the audience. Never a secret. */
  readonly name: string
  /** Seconds since the epoch. */
  readonly created?: number
  /** Seconds since the epoch, `never`, or `unknown` where it stands in what was not read; absent where it is renewed. */
  readonly expires?: number | 'never' | 'unknown'
  /** Seconds since the epoch; of a day where a label says it. */
  readonly lastUsed?: number
}

export interface Consumer {
  /** `Deployment/core`. */
  readonly workload: string
  /** The token is put into its containers. */
  readonly hasToken: boolean
  readonly isOnEveryNode: boolean
}

export interface CloudRole {
  readonly cloud: 'aws' | 'google' | 'azure'
  readonly role: string
}

/** What a CertificateSigningRequest says; the certificate itself, where it was issued, is among the credentials. */
export interface CertificateFacts {
  readonly signer: string
  readonly requestor: string
  readonly usages: readonly string[]
  readonly state: CertificateRequest['state']
  /** As it was asked for. */
  readonly expirationSeconds?: number
  /** Whom it names; absent where the request cannot be read. */
  readonly user?: string
  readonly groups?: readonly string[]
}

export interface InventoriedIdentity {
  /** `service-account:payments/deployer`; of other kinds `<kind>:<name>`. */
  readonly id: string
  readonly kind: IdentityKind
  readonly namespace?: string
  readonly name: string
  readonly place?: Place
  readonly created?: number
  readonly owner?: Owner
  readonly consumers: readonly Consumer[]
  readonly credentials: readonly Credential[]
  readonly cloudRoles: readonly CloudRole[]
  /** Bindings of its own, as `ClusterRoleBinding/ops`; and what policy rows of Sallyport name it. */
  readonly bindings: readonly string[]
  /** Of its own bindings. Without an audit log nothing is used. */
  readonly rights?: RightCounts
  readonly hasEverything: boolean
  /** Of who can act in the cluster: absent for what only Sallyport knows, and for what makes somebody. */
  readonly reach?: ReachSummary
  /** Last call in the audit log, or last use of a credential; seconds since the epoch. */
  readonly lastUsed?: number
  /** Of who has a certificate: the groups that it names. */
  readonly groups?: readonly string[]
  /** Of a request for one. */
  readonly certificate?: CertificateFacts
  /** Named in bindings or used by workloads, and not there. */
  readonly isMissing: boolean
  /** Named, and nobody could see whether it is there: it stands in a namespace, or is of a kind, that was not read. */
  readonly isUnread?: boolean
}

export const findingCodes = [
  'long-lived-credential',
  'long-lived-certificate',
  'default-account-used',
  'unused',
  'token-on-every-node',
  'dangling-binding',
  'automount-not-needed',
  'no-consumers',
  'no-such-account',
  'only-refused',
  'no-owner',
] as const
export type InventoryCode = (typeof findingCodes)[number]

export interface InventoryFinding {
  readonly code: InventoryCode
  readonly severity: Severity
  /** An identity, or a binding. */
  readonly about: string
  readonly sentence: string
}

/** Since when a running service has noted who comes with a token. */
export interface NotedTokens {
  /** Seconds since the epoch. */
  readonly since: number
  /** How many made room for others, and are not listed. */
  readonly forgotten: number
}

export interface Coverage {
  readonly serviceAccounts: { readonly seen: number; readonly all: number }
  readonly withoutOwner: number
  readonly missing: number
  /** Service accounts that are named alone, where accounts could not be read. */
  readonly unread: number
  /** The only namespaces that were read; absent: all that there are. */
  readonly namespacesRead?: readonly string[]
  /** Kinds of objects that were not read, or not in each namespace that was asked for, so that nothing is said of what is not listed. */
  readonly kindsNotRead: readonly string[]
  /** Users with an address for a name: taken for people, and left out. */
  readonly takenForPeople: number
  /** Days of audit log; 0 without one. */
  readonly daysOfLog: number
  /** Absent where no running service was asked. */
  readonly notedTokens?: NotedTokens
}

export interface Inventory {
  readonly identities: readonly InventoriedIdentity[]
  readonly findings: readonly InventoryFinding[]
  readonly coverage: Coverage
}
