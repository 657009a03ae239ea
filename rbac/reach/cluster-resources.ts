/**
 * Resources of the API server itself that belong to no namespace: a request for one carries none, RoleBindings are not
 * consulted for it, and a rule for it that a RoleBinding gives is dead.
 */

const ofGroups: Readonly<Record<string, readonly string[]>> = {
  '': ['componentstatuses', 'nodes', 'persistentvolumes', 'users', 'groups', 'uids', 'userextras'],
  'admissionregistration.k8s.io': [
    'mutatingadmissionpolicies',
    'mutatingadmissionpolicybindings',
    'mutatingwebhookconfigurations',
    'validatingadmissionpolicies',
    'validatingadmissionpolicybindings',
    'validatingwebhookconfigurations',
  ],
  'apiextensions.k8s.io': ['customresourcedefinitions'],
  'apiregistration.k8s.io': ['apiservices'],
  'authentication.k8s.io': ['tokenreviews', 'selfsubjectreviews', 'users', 'groups', 'uids', 'userextras', 'nodes'],
  'authorization.k8s.io': ['subjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  'certificates.k8s.io': ['certificatesigningrequests', 'clustertrustbundles', 'signers'],
  'flowcontrol.apiserver.k8s.io': ['flowschemas', 'prioritylevelconfigurations'],
  'internal.apiserver.k8s.io': ['storageversions'],
  'metrics.k8s.io': ['nodes'],
  'networking.k8s.io': ['ingressclasses', 'ipaddresses', 'servicecidrs'],
  'node.k8s.io': ['runtimeclasses'],
  'rbac.authorization.k8s.io': ['clusterroles', 'clusterrolebindings'],
  'resource.k8s.io': ['deviceclasses', 'devicetaintrules', 'resourceslices'],
  'scheduling.k8s.io': ['priorityclasses'],
  'storage.k8s.io': ['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments', 'volumeattributesclasses'],
  'storagemigration.k8s.io': ['storageversionmigrations'],
}

const known = new Set(
  Object.entries(ofGroups).flatMap(([group, resources]) => resources.map(resource => `${group}/${resource}`)),
)

/** @param resource as a rule writes it, with a subresource; false for `*` and for what a custom resource may be */
export const isClusterResource = (group: string, resource: string): boolean =>
  known.has(`${group}/${resource.split('/', 1)[0]}`)
