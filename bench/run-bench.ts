/** One run of the bench: start, measure, print, compare. */
import { type CaseName, caseNames, startCases } from './cases.ts'
import { type MeasureOptions, measure } from './measure.ts'
import { busyRemark, comparisonWith, readStored, resultOf, tableOf, writeStored } from './report.ts'
import { startRole, stop } from './roles.ts'

export interface BenchOptions extends Omit<MeasureOptions, 'onProgress'> {
  /** The last line is one JSON object. */
  readonly isJson: boolean
  /** Replaces the committed result. */
  readonly isSaved: boolean
}

export async function runBench(names: readonly string[], options: BenchOptions): Promise<void> {
  const isCase = (name: string): name is CaseName => caseNames.some(known => known === name)
  const unknown = names.filter(name => !isCase(name))
  if (unknown.length > 0) {
    console.error(`no such case: ${unknown.join(', ')}; there are ${caseNames.join(', ')}, and policy on its own`)
    process.exitCode = 2
    return
  }
  const busy = busyRemark()
  const started = await startCases(new Set(names.length > 0 ? names.filter(isCase) : caseNames))
  const { child: load } = await startRole('load')
  const stopAll = async (): Promise<void> => {
    await stop(load)
    await started.stop()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stopAll().finally(() => process.exit(1)))
  }
  try {
    const onProgress = (round: number): boolean => process.stderr.write(`\rround ${round + 1} of ${options.rounds} `)
    const summaries = await measure(started.cases, load, { ...options, onProgress })
    process.stderr.write('\r')
    const result = resultOf(summaries)
    const stored = readStored()
    const remarks = [...busy, ...started.remarks, ...comparisonWith(stored, result)]
    console.log([result.machine, '', tableOf(summaries), '', ...remarks].join('\n'))
    if (options.isSaved) writeStored(stored, result)
    if (options.isJson) console.log(JSON.stringify(result))
  } finally {
    await stopAll()
  }
}
