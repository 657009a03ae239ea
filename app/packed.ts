/**
 * What the build has put together: the service and a worker as a few files, in place of the thousand that Node would look
 * for, read and link one by one (docs/adr/0079).
 */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/** In the folder of what is packed, and written last: files by their path from there, with the digest of what they held. */
export const listName = 'made-of.json'
export type MadeOf = Readonly<Record<string, string>>

/** @param content of a file that was packed, or the manifest of a package that was */
export const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('base64url')

/**
 * The address of a packed module. `undefined` in the sources, where the build has packed nothing, and where a file is
 * not any more what was packed: the files themselves run then.
 */
export function packedModule(
  name: 'serve' | 'worker',
  folder = new URL('../packed/', import.meta.url),
): string | undefined {
  return isCurrent(new URL(listName, folder)) ? new URL(`${name}.js`, folder).href : undefined
}

// Threat: a check that was mended in its file, or in a library by its next release, runs on as it was.
function isCurrent(list: URL): boolean {
  try {
    const packedAt = statSync(list).mtimeMs
    const files = Object.entries(JSON.parse(readFileSync(list, 'utf8')) as MadeOf)
    return files.every(([path, digest]) => {
      const file = new URL(path, list)
      // A copy has a time of its own: only what it holds says whether a younger file is another.
      return statSync(file).mtimeMs <= packedAt || digestOf(readFileSync(file)) === digest
    })
  } catch {
    return false
  }
}
