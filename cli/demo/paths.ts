/** Where the files of this package are, whether it runs from source or from dist/. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const repositoryRoot = findRoot(import.meta.dirname)

/** The command as a user runs it. */
export const commandFile = join(repositoryRoot, 'dist/cli/main.js')

function findRoot(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory
  const parent = dirname(directory)
  if (parent === directory) throw new Error('the package is incomplete: there is no package.json above the demo')
  return findRoot(parent)
}
