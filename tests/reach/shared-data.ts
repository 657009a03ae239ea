/** Where the shared data stands: dumps and cases of others, which are not part of the project. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')

/** Undefined where it is nowhere: then what is about it is skipped. */
export function sharedData(path: string): string | undefined {
  const place = join(folder, path)
  return existsSync(place) ? place : undefined
}
