/** Counts what an import kept of the original's answers; an answer that became wider is an error. */

export interface Outcomes {
  /** Throws with the case when only the import allows it. */
  readonly count: (answers: { readonly was: boolean; readonly is: boolean }, describe: () => string) => void
  readonly seen: { kept: number; lost: number; refused: number }
}

export function createOutcomes(): Outcomes {
  const seen = { kept: 0, lost: 0, refused: 0 }
  return {
    seen,
    count({ was, is }, describe) {
      if (is && !was) throw new Error(`wider: ${describe()}`)
      if (!was) seen.refused += 1
      else if (is) seen.kept += 1
      else seen.lost += 1
    },
  }
}
