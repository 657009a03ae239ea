/** How a demo ends: by Ctrl-C, with the count of its check, or with a word on what is wrong. */
import { once } from 'node:events'
import colors from 'picocolors'
import type { CheckResult } from './chapters.ts'
import { printResult, printTotal } from './report.ts'

export function refuse(message: string): number {
  console.error(colors.red(message))
  return 2
}

/** From now on Ctrl-C ends the demo in order; a second one ends it at once. */
export function interrupted(): Promise<unknown> {
  const first = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')])
  void first.then(() => process.once('SIGINT', () => process.exit(130)))
  return first
}

export interface CheckOptions {
  readonly asJson: boolean
  /** Members of the JSON document beside the results. */
  readonly about: Readonly<Record<string, unknown>>
  readonly run: (onResult: (result: CheckResult) => void) => Promise<readonly CheckResult[]>
}

/** Runs a story and prints what passed; the exit code. */
export async function reportCheck({ asJson, about, run }: CheckOptions): Promise<number> {
  let previous: CheckResult | undefined
  const results = await run(result => {
    if (!asJson) printResult(result, previous)
    previous = result
  })
  const failed = results.filter(result => !result.passed).length
  if (asJson) console.log(JSON.stringify({ ...about, passed: results.length - failed, failed, results }))
  else printTotal(results)
  return failed === 0 ? 0 : 1
}
