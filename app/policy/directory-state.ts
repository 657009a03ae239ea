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

export const isTestFile = (name: string): boolean => name.endsWith('.test.yaml')

/** Deeper than anyone sorts tests into folders. */
const maxDepth = 8

/** `*.test.yaml` in the directory and in folders below it, hidden ones left out; names with `/` between. */
async function testFilesBelow(directory: string, below = '', depth = 0): Promise<string[]> {
  const entries = await readdir(join(directory, below), { withFileTypes: true })
  const visible = entries.filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
  const found = visible.map(entry => {
    const name = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) return depth < maxDepth ? testFilesBelow(directory, name, depth + 1) : []
    return isTestFile(entry.name) ? [name] : []
  })
  return (await Promise.all(found)).flat()
}

/** Rejects when the directory cannot be read. */
export async function readDirectoryState(directory: string): Promise<DirectoryState> {
  const own = (await readdir(directory)).filter(isPolicyFile)
  const names = [...own, ...(await testFilesBelow(directory))].sort()
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
