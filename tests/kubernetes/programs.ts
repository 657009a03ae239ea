/**
 * Where the programs of a cluster are: each in a folder of its name and version, put there by `tests/kubernetes/install`,
 * which `.ci/run` calls. A machine without them passes the tests: they are skipped and the reason printed; with
 * REQUIRE_PEERS=1 they fail.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findPeer, isExecutableFile } from '../peers.ts'
import { type KubectlVersion, kubectlVersions, kubernetesVersions } from './versions.ts'

const cache = join(homedir(), '.cache', 'sallyport')

export interface ClusterPrograms {
  readonly apiServer: string
  readonly controllerManager: string
  readonly etcd: string
  /** Of our own, for exec, attach, port-forward and logs. */
  readonly kubelet: string
  readonly kubectl: Readonly<Record<KubectlVersion, string>>
}

/** Its paths; when one is absent prints the reason, or throws with REQUIRE_PEERS=1. */
export function requireClusterPrograms(): ClusterPrograms | undefined {
  const programs = clusterPrograms()
  const { kubectl, ...others } = programs
  const absent = [...Object.values(others), ...Object.values(kubectl)].filter(path => !isExecutableFile(path))
  const missing = findPeer('openssl') === undefined ? ['openssl', ...absent] : absent
  if (missing.length === 0) return programs
  const reason = `a cluster needs ${missing.join(', ')} (tests/kubernetes/install puts them there)`
  if (process.env.REQUIRE_PEERS === '1') throw new Error(`${reason}, and REQUIRE_PEERS=1 demands it`)
  process.stderr.write(`skipped: ${reason}\n`)
  return undefined
}

function clusterPrograms(): ClusterPrograms {
  const controlPlane = join(cache, `kubernetes-${kubernetesVersions.kubernetes}`)
  const kubectl = (version: KubectlVersion) => join(cache, `kubectl-${kubectlVersions[version]}`, 'bin', 'kubectl')
  return {
    apiServer: join(controlPlane, 'kube-apiserver'),
    controllerManager: join(controlPlane, 'kube-controller-manager'),
    etcd: join(cache, `etcd-${kubernetesVersions.etcd}`, 'etcd'),
    kubelet: join(cache, `kubelet-${kubeletFingerprint()}`, 'kubelet'),
    kubectl: { '1.37': kubectl('1.37'), '1.36': kubectl('1.36'), '1.20': kubectl('1.20') },
  }
}

/** It is our own: another source is another version. `tests/kubernetes/install` makes the same. */
function kubeletFingerprint(): string {
  const folder = new URL('tools/kubelet/', import.meta.url)
  const hash = createHash('sha256')
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(new URL(file, folder)))
  return hash.digest('hex').slice(0, 12)
}
