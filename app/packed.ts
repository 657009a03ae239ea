/**
 * What the build has put together: the service and a worker as a few files, in place of the thousand that Node would look
 * for, read and link one by one (docs/adr/0079).
 */
import { existsSync } from 'node:fs'

/** The address of a packed module; `undefined` in the sources, and where the build has packed nothing. */
export function packedModule(name: 'serve' | 'worker'): string | undefined {
  const file = new URL(`../packed/${name}.js`, import.meta.url)
  return existsSync(file) ? file.href : undefined
}
