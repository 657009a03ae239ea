/**
 * Bindings that Kubernetes ships for accounts which are there only where their controller runs: a cluster without a cloud has no
 * route controller, and nobody there can delete the binding for good.
 */
import type { BindingObject } from '../../objects.ts'

const others: Readonly<Record<string, readonly string[]>> = {
  'system:kube-dns': ['kube-dns'],
  'system::leader-locking-kube-controller-manager': ['kube-controller-manager', 'leader-election-controller'],
  'system::leader-locking-kube-scheduler': ['kube-scheduler'],
}
const controller = 'system:controller:'
const namespaces: ReadonlySet<string> = new Set(['kube-system', 'kube-public'])

/** Threat: a label is written by anybody who writes bindings: names of binding, role and account have to fit as well. */
export function isShippedForAccount({ kind, name, namespace, labels, roleRef, subjects }: BindingObject): boolean {
  const accounts = name.startsWith(controller) ? [name.slice(controller.length)] : (others[name] ?? [])
  const isInPlace = kind === 'ClusterRoleBinding' || namespaces.has(namespace ?? '')
  return (
    labels['kubernetes.io/bootstrapping'] === 'rbac-defaults' &&
    roleRef.name === name &&
    isInPlace &&
    subjects.length > 0 &&
    subjects.every(one =>
      one.kind === 'ServiceAccount'
        ? accounts.includes(one.name) && one.namespace === 'kube-system'
        : one.kind === 'User' && accounts.includes(one.name.replace(/^system:/, '')),
    )
  )
}
