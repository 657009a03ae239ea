/** Which objects are read, as what; by group and kind. */

export type Reader = 'role' | 'binding' | 'account' | 'workload' | 'secret' | 'namespace' | 'node' | 'other'

const rbac = 'rbac.authorization.k8s.io'

const readers: Readonly<Record<string, Reader>> = {
  [`${rbac}/Role`]: 'role',
  [`${rbac}/ClusterRole`]: 'role',
  [`${rbac}/RoleBinding`]: 'binding',
  [`${rbac}/ClusterRoleBinding`]: 'binding',
  '/ServiceAccount': 'account',
  '/Secret': 'secret',
  '/Namespace': 'namespace',
  '/Node': 'node',
  '/Pod': 'workload',
  '/PodTemplate': 'workload',
  '/ReplicationController': 'workload',
  'apps/Deployment': 'workload',
  'apps/StatefulSet': 'workload',
  'apps/DaemonSet': 'workload',
  'apps/ReplicaSet': 'workload',
  'extensions/Deployment': 'workload',
  'extensions/DaemonSet': 'workload',
  'extensions/ReplicaSet': 'workload',
  'batch/Job': 'workload',
  'batch/CronJob': 'workload',
}

/** Groups of the API server itself: their other kinds give nobody a right and run nothing, so the name is enough. */
const ownGroups = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'extensions',
  'flowcontrol.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
])

const clusterKinds = new Set(
  `ClusterRole ClusterRoleBinding Namespace Node PersistentVolume CustomResourceDefinition APIService
  MutatingWebhookConfiguration ValidatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
  MutatingAdmissionPolicy MutatingAdmissionPolicyBinding CertificateSigningRequest ClusterTrustBundle FlowSchema
  PriorityLevelConfiguration IngressClass RuntimeClass PriorityClass StorageClass CSIDriver CSINode VolumeAttachment
  VolumeAttributesClass DeviceClass ResourceSlice ServiceCIDR IPAddress ComponentStatus`.split(/\s+/),
)

export const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''

/** @returns undefined for a kind that nobody here knows */
export function readerOf(apiVersion: string, kind: string): Reader | undefined {
  const group = groupOf(apiVersion)
  const key = `${group}/${kind}`
  if (Object.hasOwn(readers, key)) return readers[key]
  return ownGroups.has(group) ? 'other' : undefined
}

/** Of custom resources nobody knows; what they belong to counts for nothing here. */
export const isNamespaced = (kind: string): boolean => !clusterKinds.has(kind)
