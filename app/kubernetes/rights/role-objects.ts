/** The role of the gateway as objects of a cluster. Pure. */

import type { Rule } from '../../../rbac/kubernetes/rule.ts'
import { type ActionRules, actionRules } from './action-rules.ts'
import { type Impersonable, type ImpersonableOptions, impersonableIn, type NotCovered } from './impersonable.ts'
import type { ImpersonationMode } from './impersonation-mode.ts'
import { impersonatorRules } from './impersonator.ts'

/** Whom the role is given to. */
export type RoleHolder =
  | { readonly kind: 'ServiceAccount'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'User'; readonly name: string }

export interface RoleOptions {
  readonly cluster: string
  readonly mode: ImpersonationMode
  readonly holder: RoleHolder
}

export interface ClusterObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export interface RoleObject extends ClusterObject {
  readonly rules: readonly Rule[]
}

export interface ExactRole {
  readonly impersonable: Impersonable
  /** The cluster-wide one first. */
  readonly roles: readonly RoleObject[]
  readonly bindings: readonly ClusterObject[]
  readonly notCovered: readonly NotCovered[]
}

/** Every object of the role has this name: the right to change it can be given for the name alone. */
export const roleName = 'sallyport-impersonator'

export const labels = { 'app.kubernetes.io/name': 'sallyport', 'app.kubernetes.io/managed-by': 'sallyport' } as const
/** Which cluster of the configuration an object is for: another Sallyport leaves it alone. */
export const clusterAnnotation = 'sallyport.dev/cluster'

const apiGroup = 'rbac.authorization.k8s.io'
const apiVersion = `${apiGroup}/v1`

/** Threat: beside a rule for `impersonate` constrained impersonation protects nothing. So there are rules of one mode alone. */
export function exactRole(options: RoleOptions, who: Omit<ImpersonableOptions, 'cluster' | 'mode'>): ExactRole {
  const { cluster, mode } = options
  const impersonable = impersonableIn({ ...who, cluster, mode })
  const actions = mode === 'constrained' ? actionRules(who.policy, cluster) : none
  const rules = [...impersonatorRules(impersonable, mode), ...actions.everywhere]
  const places = [...actions.inNamespaces]
  return {
    impersonable,
    roles: [roleOf(options, rules), ...places.map(([namespace, own]) => roleOf(options, own, namespace))],
    bindings: [bindingOf(options), ...places.map(([namespace]) => bindingOf(options, namespace))],
    notCovered: [...impersonable.notCovered, ...actions.notCovered],
  }
}

const none: ActionRules = { everywhere: [], inNamespaces: new Map(), notCovered: [] }

const metadataOf = ({ cluster }: RoleOptions, namespace: string | undefined) => ({
  name: roleName,
  ...(namespace !== undefined && { namespace }),
  labels,
  annotations: { [clusterAnnotation]: cluster },
})

const roleOf = (options: RoleOptions, rules: readonly Rule[], namespace?: string): RoleObject => ({
  apiVersion,
  kind: namespace === undefined ? 'ClusterRole' : 'Role',
  metadata: metadataOf(options, namespace),
  rules,
})

const bindingOf = (options: RoleOptions, namespace?: string): ClusterObject => ({
  apiVersion,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: metadataOf(options, namespace),
  roleRef: { apiGroup, kind: namespace === undefined ? 'ClusterRole' : 'Role', name: roleName },
  subjects: [options.holder.kind === 'User' ? { apiGroup, ...options.holder } : options.holder],
})
