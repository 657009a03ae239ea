/** The state of a policy directory without its contents: changes whenever anything that is read there changes. */
import { type Dirent, realpathSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface DirectoryState {
  /** Names of the files that make up the policy, sorted by code unit. */
  readonly names: readonly string[]
  /** Equal for equal states; a file replaced, touched, added or removed gives another. */
  readonly fingerprint: string
}

/** `*.csv`, `conditions.yaml` and `model.conf`; never hidden files, which editors and Kubernetes put beside them. */
export const isPolicyFile = (name: string): boolean =>
  !name.startsWith('.') && (name.endsWith('.csv') || name === 'conditions.yaml' || name === 'model.conf')

/** Rejects when the directory cannot be read. */
export async function readDirectoryState(directory: string): Promise<DirectoryState> {
  const entries: Dirent[] = await readdir(directory, { withFileTypes: true })
  const names = entries.flatMap(entry => (isPolicyFile(entry.name) ? [entry.name] : [])).sort()
  // A swapped symbolic link above the files (a Kubernetes ConfigMap's ..data) changes their inodes.
  const parts = await Promise.all(names.map(name => fingerprintOf(join(directory, name), name)))
  return { names, fingerprint: [realpathSync(directory), ...parts].join('\n') }
}

async function fingerprintOf(path: string, name: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${name} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch {
    return `${name} missing`
  }
}
