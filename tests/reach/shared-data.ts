/** Where the shared data stands: dumps and cases of others, which are not part of the project. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')

/** Undefined where it is not, with the reason printed: then what is about it is skipped. */
export function sharedData(path: string): string | undefined {
  const place = join(folder, path)
  if (existsSync(place)) return place
  process.stderr.write(`skipped: ${path} of the shared data is not here (set SALLYPORT_TEST_DATA)\n`)
  return undefined
}
