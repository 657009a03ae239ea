/** Allow rows that name what servers read differently, and so are off for the very paths that they name. */
import { readingsOf } from '../matchable-path.ts'
import { fitsReadings } from '../resources.ts'
import type { Row } from '../row.ts'
import type { Report } from './finding.ts'

export function findUnreadable(rows: readonly Row[], report: Report): void {
  for (const row of rows) {
    const { id, isDeny, resource } = row
    if (isDeny || !/;|%2F|%3B/i.test(resource) || resource.startsWith('re:')) continue
    const readings = readingsOf(resource.replaceAll('*', 'x'))
    if (fitsReadings(row, readings)) continue
    const message = `never allows: a server may read ${resource} as ${readings.at(-1)}, which the row does not fit`
    report('read-otherwise', id, {
      message,
      advice: 'write the row for the path that holds both, such as the folder with /**',
    })
  }
}
