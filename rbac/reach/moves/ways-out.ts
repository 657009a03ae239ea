/** Which accesses of a workload to its node lead out of the container, and onto the node. */
import type { WorkloadObject } from '../objects.ts'

const strongCapabilities = new Set([
  'SYS_ADMIN',
  'SYS_MODULE',
  'SYS_PTRACE',
  'SYS_RAWIO',
  'DAC_READ_SEARCH',
  'BPF',
  'ALL',
])
const strongPaths =
  /^\/($|etc|root|home|boot|dev|proc|sys|usr|bin|sbin|lib|opt|run|var($|\/run|\/log|\/lib($|\/(kubelet|docker|containerd|etcd|cni|rancher))))/

/** Threat: `/var/`, `//` and `/./var` are the same folders to the kubelet. `..` the API server refuses. */
const plainPath = (path: string): string =>
  `/${path
    .split('/')
    .filter(one => one !== '' && one !== '.')
    .join('/')}`

/** Below the strong ones, and nothing that leads further. */
const harmlessPaths =
  /^\/(etc\/(ssl|pki|ca-certificates|localtime|timezone|os-release|machine-id)|lib\/modules|usr\/share)($|\/)/

/** hostNetwork and hostIPC show what is on the node, and do not lead onto it. */
const leadsOut = (access: string): boolean => {
  const [kind, ...rest] = access.split(':')
  const value = rest.join(':')
  if (kind === 'capability') return strongCapabilities.has(value.toUpperCase().replace(/^CAP_/, ''))
  const path = plainPath(value)
  const isPath = kind === 'hostPath' && strongPaths.test(path) && !harmlessPaths.test(path)
  return kind === 'privileged' || kind === 'hostPID' || kind === 'hostProcess' || isPath
}

export const waysOut = ({ hostAccess }: WorkloadObject): readonly string[] => hostAccess.filter(leadsOut)
