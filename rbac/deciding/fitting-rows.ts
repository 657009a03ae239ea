/**
 * Which rows of a list fit a method and a path, kept for lists with many patterns that are slow to compare: to run fifty
 * expressions over a path takes as long as all else of a check.
 *
 * It hangs on rows, method and path alone, whoever asks. Threat: ever new paths fill the memory, so it holds some bytes and
 * then begins anew.
 */
import type { Row } from '../row.ts'

export interface FittingRows {
  /** Of this list, from now on, if it is slow. */
  readonly watch: (rows: readonly Row[]) => void
  /** Whoever they speak of, in order; `undefined` for a list that is not slow. The path can be read in one way alone. */
  readonly find: (rows: readonly Row[], action: string, path: string) => readonly Row[] | undefined
}

export interface FittingRowsOptions {
  /** Default 4 MiB. */
  readonly maxBytes?: number
}

/** See `Resource.steps`: five expressions, or fifty patterns with stars. */
const slowSteps = 100
/** Bytes of an entry beside its key and its rows. */
const entryBytes = 150

export function createFittingRows({ maxBytes = 4 * 1_024 * 1_024 }: FittingRowsOptions = {}): FittingRows {
  const lists = new Map<readonly Row[], Map<string, readonly Row[]>>()
  let bytes = 0
  const keep = (known: Map<string, readonly Row[]>, key: string, fitting: readonly Row[]): void => {
    bytes += entryBytes + 2 * key.length + 8 * fitting.length
    if (bytes > maxBytes) {
      for (const list of lists.values()) list.clear()
      bytes = 0
    }
    known.set(key, fitting)
  }
  return {
    watch(rows) {
      if (rows.reduce((sum, { steps }) => sum + steps, 0) >= slowSteps) lists.set(rows, new Map())
    },
    find(rows, action, path) {
      const known = lists.get(rows)
      if (known === undefined) return undefined
      // The length first: no two questions have one key.
      const key = `${action.length}:${action}${path}`
      const kept = known.get(key)
      if (kept !== undefined) return kept
      const fitting = rows.filter(row => row.fitsAction(action) && row.fitsResource(path))
      keep(known, key, fitting)
      return fitting
    },
  }
}
