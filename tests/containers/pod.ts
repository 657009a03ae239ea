/** What a kubelet makes of a pod with one container, made with podman: nothing of the object is left out, or it throws. */
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { image } from './podman.ts'

interface Mount {
  readonly name: string
  readonly mountPath: string
  readonly readOnly?: boolean
}

export interface PodSpec {
  readonly securityContext: {
    readonly runAsNonRoot: boolean
    readonly runAsUser: number
    readonly runAsGroup: number
    readonly fsGroup: number
    readonly seccompProfile: { readonly type: string }
  }
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
}

export interface Container {
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly securityContext: {
    readonly allowPrivilegeEscalation: boolean
    readonly readOnlyRootFilesystem: boolean
    readonly capabilities: { readonly drop: readonly string[] }
  }
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly volumeMounts: readonly Mount[]
}

interface Probe {
  readonly exec: { readonly command: readonly string[] }
}

interface Volume {
  readonly name: string
  readonly configMap?: { readonly name: string }
  readonly secret?: { readonly secretName: string; readonly defaultMode: number }
  readonly emptyDir?: object
}

/** By the name of the ConfigMap or Secret. */
export type Contents = Readonly<Record<string, Readonly<Record<string, string>>>>

const understood = {
  pod: [
    ...['serviceAccountName', 'automountServiceAccountToken', 'enableServiceLinks', 'securityContext', 'containers'],
    'volumes',
  ],
  // The ports are those of the host here, and what is asked for is given: resources are the scheduler's.
  container: [
    ...['name', 'image', 'command', 'args', 'env', 'ports', 'securityContext', 'livenessProbe', 'readinessProbe'],
    ...['resources', 'volumeMounts'],
  ],
  podSecurity: ['runAsNonRoot', 'runAsUser', 'runAsGroup', 'fsGroup', 'seccompProfile'],
  security: ['allowPrivilegeEscalation', 'readOnlyRootFilesystem', 'capabilities'],
}

function requireUnderstood(what: object, names: readonly string[]): void {
  const more = Object.keys(what).filter(key => !names.includes(key))
  if (more.length > 0) throw new Error(`a test does not know what a kubelet makes of ${more.join(', ')}`)
}

/** Arguments of `podman run`, without its first ones, and what follows the image. */
export function podmanArgs(spec: PodSpec, pathOf: (volume: string) => string): readonly string[] {
  const [container] = spec.containers
  if (container === undefined || spec.containers.length > 1) throw new Error('a test knows pods with one container')
  requireUnderstood(spec, understood.pod)
  requireUnderstood(container, understood.container)
  requireUnderstood(spec.securityContext, understood.podSecurity)
  requireUnderstood(container.securityContext, understood.security)
  const { runAsUser, runAsGroup, fsGroup, seccompProfile } = spec.securityContext
  if (seccompProfile.type !== 'RuntimeDefault')
    throw new Error('podman’s own seccomp profile is the one of the runtime')
  const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = container.securityContext
  const mounts = container.volumeMounts.map(
    ({ name, mountPath, readOnly }) => `--volume=${pathOf(name)}:${mountPath}${readOnly === true ? ':ro' : ''}`,
  )
  return [
    `--user=${runAsUser}:${runAsGroup}`,
    `--group-add=${fsGroup}`,
    // Without the folders that podman makes writable by itself.
    ...(readOnlyRootFilesystem ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...capabilities.drop.map(name => `--cap-drop=${name}`),
    ...(allowPrivilegeEscalation ? [] : ['--security-opt=no-new-privileges']),
    ...(container.env ?? []).map(({ name, value }) => `--env=${name}=${value}`),
    ...mounts,
    ...(container.command === undefined ? [] : [`--entrypoint=${JSON.stringify(container.command)}`]),
    image,
    ...(container.args ?? []),
  ]
}

/** Makes the volumes below a folder, with owners and modes as a kubelet gives them for the pod's `fsGroup`. */
export function makeVolumes(spec: PodSpec, directory: string, contents: Contents): (volume: string) => string {
  const { fsGroup } = spec.securityContext
  const pathOf = (name: string): string => join(directory, name)
  for (const volume of spec.volumes) {
    const path = pathOf(volume.name)
    mkdirSync(path)
    if (volume.emptyDir === undefined) writeFiles(path, filesOf(volume, contents), { fsGroup, mode: modeOf(volume) })
    chownSync(path, 0, fsGroup)
    chmodSync(path, volume.emptyDir === undefined ? 0o2775 : 0o2777)
  }
  // A kubelet makes the points at which one volume is mounted within another; nobody else could, where that is read only.
  const mounts = spec.containers[0]?.volumeMounts ?? []
  for (const outer of mounts)
    for (const inner of mounts)
      if (inner.mountPath.startsWith(`${outer.mountPath}/`))
        mkdirSync(join(pathOf(outer.name), inner.mountPath.slice(outer.mountPath.length)))
  return pathOf
}

function filesOf({ name, configMap, secret }: Volume, contents: Contents): Readonly<Record<string, string>> {
  const files = contents[configMap?.name ?? secret?.secretName ?? '']
  if (files === undefined) throw new Error(`a test has no contents for the volume ${name}`)
  return files
}

/** Of files of a ConfigMap 0644; with a group of its own each is readable by that. */
const modeOf = ({ secret }: Volume): number => (secret?.defaultMode ?? 0o644) | 0o440

let written = 0

/** As a kubelet writes them, and writes them again: all of them change at one moment. */
export function writeFiles(
  path: string,
  files: Readonly<Record<string, string>>,
  { fsGroup, mode }: { readonly fsGroup: number; readonly mode: number },
): void {
  written += 1
  const folder = `..2026_11_29_${written}`
  mkdirSync(join(path, folder), { mode: 0o755 })
  for (const [name, text] of Object.entries(files)) {
    const file = join(path, folder, name)
    writeFileSync(file, text)
    chownSync(file, 0, fsGroup)
    chmodSync(file, mode)
    rmSync(join(path, name), { force: true })
    symlinkSync(`..data/${name}`, join(path, name))
  }
  symlinkSync(folder, join(path, '..data_tmp'))
  renameSync(join(path, '..data_tmp'), join(path, '..data'))
}
