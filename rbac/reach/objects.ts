/**
 * What a reach review knows of a cluster: RBAC objects, the accounts that they name, and what runs as these accounts.
 * Made by reading/, out of a live cluster, of manifests or of a dump; everything else of reach/ starts here. Pure data.
 */
import type { Rule } from '../kubernetes/rule.ts'

/** Where an object was read: shown with every finding, so that somebody can go and change it. */
export interface Place {
  /** File, `-` for standard input, or the cluster's name. */
  readonly source: string
  /** 1-based; absent for what an API server answered. */
  readonly line?: number
}

export interface Metadata {
  readonly name: string
  /** Absent for objects of the cluster. */
  readonly namespace?: string
  readonly uid?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** RFC 3339, as the server gives it. */
  readonly creationTimestamp?: string
  /** Names in `managedFields`, of whoever wrote more than a status, each once; of service accounts alone, and absent where there are none. */
  readonly managers?: readonly string[]
  /** The first of `ownerReferences`: `ReplicaSet/core-5d4f`. */
  readonly owner?: string
  readonly place: Place
}

/** `metav1.LabelSelector`. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>
  readonly matchExpressions: readonly {
    readonly key: string
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    readonly values: readonly string[]
  }[]
}

/** Role (with a namespace) or ClusterRole (without). */
export interface RoleObject extends Metadata {
  readonly kind: 'Role' | 'ClusterRole'
  /** Of an aggregated role: what the selectors of `aggregation` bring, as the controller would write it. */
  readonly rules: readonly Rule[]
  readonly aggregation?: readonly LabelSelector[]
}

/** As a binding writes it; subject.ts makes the canonical form. */
export interface BindingSubject {
  readonly kind: 'User' | 'Group' | 'ServiceAccount'
  readonly name: string
  readonly namespace?: string
}

export interface BindingObject extends Metadata {
  readonly kind: 'RoleBinding' | 'ClusterRoleBinding'
  readonly roleRef: { readonly kind: 'Role' | 'ClusterRole'; readonly name: string }
  readonly subjects: readonly BindingSubject[]
}

export interface ServiceAccountObject extends Metadata {
  readonly namespace: string
  /** `automountServiceAccountToken`; absent means true. */
  readonly automount?: boolean
  /** Names in `secrets`. */
  readonly secrets: readonly string[]
}

/** A pod, or whatever makes pods out of a template. */
export interface WorkloadObject extends Metadata {
  readonly namespace: string
  readonly apiVersion: string
  readonly kind: string
  /** Of the pods: `default` where the template names none. */
  readonly serviceAccount: string
  readonly automount?: boolean
  /** Audiences of projected service-account tokens; an empty text is the API server's own. */
  readonly projectedAudiences: readonly string[]
  /** Names of Secrets that are mounted or read into the environment. */
  readonly secrets: readonly string[]
  readonly nodeName?: string
  /** Ways out of the container: `privileged`, `hostPath:/var/run`, `hostPID`, `hostProcess`, `hostNetwork`, `hostIPC`, `capability:SYS_ADMIN`. */
  readonly hostAccess: readonly string[]
  readonly replicas?: number
}

/** A Secret without its data, which is never kept. */
export interface SecretObject extends Metadata {
  readonly namespace: string
  readonly type: string
  /**
   * Of a bootstrap token: RFC 3339, or `never` where the Secret was read and says nothing of it. Absent: its keys were not
   * read, so nobody knows. It is the one key of a Secret that is looked at.
   */
  readonly expiration?: string
}

export interface NamespaceObject extends Metadata {}

export interface NodeObject extends Metadata {}

/** CertificateSigningRequest. */
export interface CertificateRequest {
  readonly about: 'certificate-request'
  /** `kubernetes.io/kube-apiserver-client`; empty in old ones. */
  readonly signer: string
  /** Who asked, as the API server wrote it down; empty in manifests. */
  readonly requestor: string
  readonly usages: readonly string[]
  /** As it was asked for. */
  readonly expirationSeconds?: number
  readonly state: 'pending' | 'approved' | 'denied' | 'failed' | 'issued'
  /** Whom the certificate is to name, as the request has it. */
  readonly requested?: { readonly user: string; readonly groups: readonly string[] }
  /** Moments in seconds since the epoch. */
  readonly issued?: {
    readonly user: string
    readonly groups: readonly string[]
    readonly notBefore: number
    readonly notAfter: number
  }
}

/** What an object of another kind says of identities. */
export type Said = CertificateRequest

/** Any other object: of those that say something of identities (CSRs) what they say, and never a secret. */
export interface OtherObject extends Metadata {
  readonly apiVersion: string
  readonly kind: string
  readonly says?: Said
}

/** What was not read, or not as it stands: part of every output, so that no count is silently too small. */
export interface ReadingProblem {
  readonly code:
    | 'unreadable-document'
    | 'cut-off'
    | 'no-line-break'
    | 'invalid-object'
    | 'lost-rule'
    | 'unknown-kind'
    | 'duplicate'
    | 'assumed-namespace'
    | 'assumed-role'
    | 'aggregation'
    | 'not-permitted'
    | 'other-namespaces'
    | 'unknown-role'
    | 'server-version'
    | 'too-much'
  /** How many objects were not read because of it. Absent: none (a part of one), or nobody can know (what was cut off). */
  readonly unread?: number
  readonly place: Place
  /** `ClusterRole/edit`, where it is known. */
  readonly object?: string
  /** Of `not-permitted`: the namespace in which alone the kind is not read. */
  readonly namespace?: string
  /** One sentence: what was not read, and what to do. */
  readonly message: string
}

export interface ClusterObjects {
  readonly roles: readonly RoleObject[]
  readonly bindings: readonly BindingObject[]
  readonly serviceAccounts: readonly ServiceAccountObject[]
  readonly workloads: readonly WorkloadObject[]
  readonly secrets: readonly SecretObject[]
  readonly namespaces: readonly NamespaceObject[]
  readonly nodes: readonly NodeObject[]
  readonly others: readonly OtherObject[]
  readonly problems: readonly ReadingProblem[]
  /**
   * How many objects there were: as many as all the lists above hold, and `unread` of the problems, less one for each
   * `assumed-role`, which was in no text.
   */
  readonly objectsSeen: number
  /** Kinds that were asked for or found at all: an inventory without Secrets says so, instead of "none". */
  readonly kindsRead: ReadonlySet<string>
  /** The only namespaces that were asked for; absent: all that there are. */
  readonly namespacesRead?: ReadonlySet<string>
  /** `1.37`, as a live cluster says it; absent: manifests, or it did not. */
  readonly serverVersion?: string
}
