/** A story that checks itself: chapters of sentences, each of which is true or not. */

export interface CheckResult {
  readonly chapter: string
  readonly sentence: string
  readonly passed: boolean
  /** Why not. */
  readonly detail?: string
}

/** Throws an `Error` that says what was seen instead. */
export type Check = readonly [sentence: string, run: () => Promise<void>]

export type Chapter = readonly [title: string, checks: readonly Check[]]

/** Runs the story in order; a failed line does not stop the next one. */
export async function runChapters(
  chapters: readonly Chapter[],
  onResult: (result: CheckResult) => void,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = []
  for (const [chapter, checks] of chapters) {
    for (const [sentence, run] of checks) {
      const result = { chapter, sentence, ...(await outcome(run)) }
      results.push(result)
      onResult(result)
    }
  }
  return results
}

async function outcome(run: () => Promise<void>): Promise<Pick<CheckResult, 'passed' | 'detail'>> {
  try {
    await run()
    return { passed: true }
  } catch (error) {
    return { passed: false, detail: error instanceof Error ? error.message : String(error) }
  }
}
