/**
 * A grant: one rule of one role, that one binding gives to one subject, in one scope. What somebody may do is the union of
 * the grants of his subject and of his groups; nothing takes away.
 */
import type { Rule } from '../kubernetes/rule.ts'
import type { BindingObject, RoleObject } from './objects.ts'
import type { SubjectId } from './subject.ts'

export interface Grant {
  readonly subject: SubjectId
  /** Absent: in the whole cluster (a ClusterRoleBinding). */
  readonly namespace?: string
  readonly rule: Rule
  /** Index in `role.rules`. */
  readonly ruleIndex: number
  readonly role: RoleObject
  readonly binding: BindingObject
}

/** What an authorizer is asked (`authorization.k8s.io/v1` SubjectAccessReview). */
export type AccessQuestion =
  | {
      readonly verb: string
      readonly group: string
      readonly resource: string
      readonly subresource?: string
      /** Absent for resources of the cluster, and for those of all namespaces. */
      readonly namespace?: string
      readonly name?: string
    }
  | { readonly verb: string; readonly path: string }

/** Who asks: a subject with its groups, the built-in ones among them. */
export interface Asker {
  readonly id: SubjectId
  readonly groups: readonly string[]
}

/** Made once of a cluster's objects (grants.ts); looked up often. */
export interface Grants {
  /** Every grant that names this very subject. */
  readonly of: (subject: SubjectId) => readonly Grant[]
  /** Those of the subject and of every group that it is in. */
  readonly heldBy: (asker: Asker) => readonly Grant[]
  /** Every subject that a binding names, and every service account that exists. */
  readonly subjects: readonly SubjectId[]
  /** The grant that allows it; undefined where none does. `system:masters` is allowed everything, without a grant: 'masters'. */
  readonly allowing: (asker: Asker, question: AccessQuestion) => Grant | 'masters' | undefined
  /** Bindings that give nothing, and why: no such role, cluster resources in a RoleBinding, a ServiceAccount subject without namespace. */
  readonly dead: readonly DeadGrant[]
}

export interface DeadGrant {
  readonly binding: BindingObject
  readonly reason:
    | 'no-such-role'
    | 'no-such-service-account'
    | 'subject-without-namespace'
    | 'no-subjects'
    | 'cluster-resource-in-namespace'
    | 'non-resource-in-namespace'
  readonly rule?: Rule
}
