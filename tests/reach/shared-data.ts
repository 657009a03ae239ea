/** Where the shared data stands: dumps and cases of others, which are not part of the project. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const places = [
  process.env.SALLYPORT_SHARED_DATA,
  join(import.meta.dirname, '../../../shared/data'),
  '/work/shared/data',
]

/** Undefined where it is nowhere: then what is about it is skipped. */
export function sharedData(path: string): string | undefined {
  return places.flatMap(place => (place === undefined ? [] : [join(place, path)])).find(one => existsSync(one))
}
