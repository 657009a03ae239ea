/** Versions of what makes a cluster, in one place: `tests/kubernetes/install` reads it. */
export const kubernetesVersions = {
  kubernetes: '1.37.2',
  etcd: '3.6.16',
} as const

/**
 * The newest, the one before, and one of 2021 (Debian's): it streams over SPDY alone, and asks for what there is in many
 * small documents.
 */
export const kubectlVersions = {
  '1.37': '1.37.1',
  '1.36': '1.36.4',
  '1.20': '1.20.2',
} as const

export type KubectlVersion = keyof typeof kubectlVersions
