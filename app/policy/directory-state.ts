/** The state of a policy directory without its contents: changes whenever anything that is read there changes. */
import type { BigIntStats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface DirectoryState {
  /** What makes up the policy, sorted by code unit of the name, with the state of each file. */
  readonly files: ReadonlyMap<string, string>
  /** Equal for equal states; a file replaced, touched, added or removed gives another. */
  readonly fingerprint: string
}

/** `*.csv`, `conditions.yaml` and `model.conf`; never hidden files, which editors and Kubernetes put beside them. */
const isPolicyFile = (name: string): boolean =>
  !name.startsWith('.') && (name.endsWith('.csv') || name === 'conditions.yaml' || name === 'model.conf')

/** Rejects when the directory cannot be read. */
export async function readDirectoryState(directory: string): Promise<DirectoryState> {
  const names = (await readdir(directory)).filter(isPolicyFile).sort()
  // A swapped symbolic link above the files (a Kubernetes ConfigMap's ..data) changes their inodes.
  const states = await Promise.all(
    names.map(name => stat(join(directory, name), { bigint: true }).then(fileState, () => 'missing')),
  )
  const files = new Map(names.map((name, index) => [name, states[index] ?? 'missing']))
  const lines = [...files].map(([name, state]) => `${name} ${state}`)
  return { files, fingerprint: [await realpath(directory), ...lines].join('\n') }
}

/** Which file this is, and in which state. */
export const fileState = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(' ')
