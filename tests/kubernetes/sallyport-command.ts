/** The built command line under the name that kubectl runs. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtCommandLine } from '../built-command-line.ts'

/** @returns its path, in that folder */
export function writeSallyportCommand(home: string): string {
  const path = join(home, 'sallyport')
  const cli = builtCommandLine()
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`, { mode: 0o700 })
  return path
}
