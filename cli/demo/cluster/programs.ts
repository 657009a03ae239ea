/** Where the programs of a cluster are: each in a folder of its name and version, put there by `tests/kubernetes/install`. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isExecutableFile, isOnPath } from '../executables.ts'
import { repositoryRoot } from '../paths.ts'
import { type KubectlVersion, kubectlVersions, kubernetesVersions } from './versions.ts'

export const programCache = join(homedir(), '.cache', 'sallyport')

export interface ClusterPrograms {
  readonly apiServer: string
  readonly controllerManager: string
  readonly etcd: string
  /** Of our own, for exec, attach, port-forward and logs. */
  readonly kubelet: string
  readonly kubectl: Readonly<Record<KubectlVersion, string>>
}

export function clusterPrograms(): ClusterPrograms {
  const controlPlane = join(programCache, `kubernetes-${kubernetesVersions.kubernetes}`)
  const kubectl = (version: KubectlVersion) =>
    join(programCache, `kubectl-${kubectlVersions[version]}`, 'bin', 'kubectl')
  return {
    apiServer: join(controlPlane, 'kube-apiserver'),
    controllerManager: join(controlPlane, 'kube-controller-manager'),
    etcd: join(programCache, `etcd-${kubernetesVersions.etcd}`, 'etcd'),
    kubelet: join(programCache, `kubelet-${kubeletFingerprint()}`, 'kubelet'),
    kubectl: { '1.37': kubectl('1.37'), '1.36': kubectl('1.36'), '1.20': kubectl('1.20') },
  }
}

/** What of them is absent, with `openssl`, which makes the certificates. */
export function absentPrograms({ kubectl, ...others }: ClusterPrograms, versions: readonly KubectlVersion[]): string[] {
  const paths = [...Object.values(others), ...versions.map(version => kubectl[version])]
  return [...(isOnPath('openssl') ? [] : ['openssl']), ...paths.filter(path => !isExecutableFile(path))]
}

/** It is our own: another source is another version. `tests/kubernetes/install` makes the same. */
function kubeletFingerprint(): string {
  const folder = join(repositoryRoot, 'tests/kubernetes/tools/kubelet')
  // An image has no sources.
  if (!existsSync(folder)) return 'without-source'
  const hash = createHash('sha256')
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 12)
}
