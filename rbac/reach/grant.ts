/**
 * A grant: one rule of one role, that one binding gives to one subject, in one scope. What somebody may do is the union of
 * the grants of his subject and of his groups; nothing takes away.
 */
import type { Rule } from '../kubernetes/rule.ts'
import type { BindingObject, RoleObject } from './objects.ts'
import type { Asker, SubjectId } from './subject.ts'

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
      /** Also that of a list or watch with `fieldSelector=metadata.name=…`, and of nothing else. */
      readonly name?: string
    }
  | { readonly verb: string; readonly path: string }

/** A role that a binding gives to a subject: the same as one grant for each of its rules. */
export type Given = Pick<Grant, 'subject' | 'namespace' | 'role' | 'binding'>

/** `anywhere`: what holds in some namespace counts too, whichever the question has. Default: `as-asked`. */
export type GrantScope = 'as-asked' | 'anywhere'

/** Made once of a cluster's objects (grants.ts); looked up often. */
export interface Grants {
  /** Every grant that names this very subject; made anew by each call. */
  readonly of: (subject: SubjectId) => readonly Grant[]
  /** Those of the subject and of every group that it is in. */
  readonly heldBy: (asker: Asker) => readonly Grant[]
  /** `of`, not unfolded into rules: what a graph over many subjects walks. */
  readonly rolesOf: (subject: SubjectId) => readonly Given[]
  /** Every subject that a binding names, every service account that exists, and every one that something runs as. */
  readonly subjects: readonly SubjectId[]
  /** The grant that allows it; undefined where none does. `system:masters` is allowed everything, without a grant: 'masters'. */
  readonly allowing: (asker: Asker, question: AccessQuestion) => Grant | 'masters' | undefined
  /** Every grant of anybody that allows it, one for each binding and subject: the first rule that does. */
  readonly allowingAnybody: (question: AccessQuestion, scope?: GrantScope) => readonly Grant[]
  /** Bindings and rules that give nothing, and why. */
  readonly dead: readonly DeadGrant[]
  /** Bindings of roles that could not be read: what they give is not known. */
  readonly unknown: readonly BindingObject[]
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
  /** Of a rule: the one of `role.rules` that is dead, or a part of which is. */
  readonly rule?: Rule
  /** What of the rule is dead: resources, or non-resource URLs. */
  readonly what?: readonly string[]
  /** Whom the binding names in vain. */
  readonly subject?: SubjectId
}
