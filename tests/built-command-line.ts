/** The command line as `npm run build` makes it, for tests that run it as a process of its own. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** Throws a sentence where nobody has built it: a process that is not there has only an exit code to say so. */
export function builtCommandLine(folder = root): string {
  const path = join(folder, 'dist/cli/main.js')
  if (!existsSync(path)) throw new Error('dist/ has no command line: run npm run build first')
  return path
}
