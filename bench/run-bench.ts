/** One run of the bench: start, measure, print, compare. */
import { startCases } from './cases.ts'
import { chooseCases, helpText, type LoadCaseName } from './catalogue.ts'
import { experiments } from './experiments/all.ts'
import type { ExperimentContext } from './experiments/experiment.ts'
import { generatorLimit, saturationRemarks } from './generator-limit.ts'
import { type MeasureOptions, runRounds, summariseRounds } from './measure.ts'
import * as report from './report.ts'
import { createResources, endOnSignals, type Resources } from './resources.ts'
import { startRole } from './roles.ts'

export interface BenchOptions extends MeasureOptions {
  /** The last line is one JSON object. */
  readonly isJson: boolean
  /** Replaces the committed result. */
  readonly isSaved: boolean
  readonly sizes?: readonly number[]
}

/** Exit code 2 when there is no such case. */
export async function runBench(names: readonly string[], options: BenchOptions): Promise<void> {
  const chosen = chooseCases(names)
  if (chosen.unknown.length > 0) {
    console.error(`no such case: ${chosen.unknown.join(', ')}\n\n${helpText()}`)
    process.exitCode = 2
    return
  }
  const busy = report.busyRemark()
  const resources = createResources()
  endOnSignals(resources)
  try {
    const { child: load } = await startRole('load', [], resources)
    console.log(`${report.machineOf()}\n`)
    const reports: report.CaseReport[] = []
    const say = (one: report.CaseReport): void => {
      onProgress('')
      console.log(`${one.lines.join('\n')}\n`)
      reports.push(one)
    }
    if (chosen.load.length > 0) say(await runLoadCases(chosen.load, { ...options, load }, resources))
    for (const name of chosen.special) {
      const own = createResources(resources)
      say(
        await experiments[name]({
          ...options,
          load,
          resources: own,
          onProgress: text => onProgress(`${name}: ${text}`),
        }),
      )
      await own.end()
    }
    conclude(Object.assign({}, ...reports.map(({ cases }) => cases)), busy, options)
  } finally {
    await resources.end()
  }
}

/** On one line of the terminal, which the next text overwrites. */
function onProgress(text: string): void {
  process.stderr.write(`\r\u001b[K${text}`)
}

async function runLoadCases(
  wanted: readonly LoadCaseName[],
  options: Omit<ExperimentContext, 'resources' | 'onProgress'>,
  parent: Resources,
): Promise<report.CaseReport> {
  const resources = createResources(parent)
  const { cases, remarks } = await startCases(wanted, resources, onProgress)
  const [bare] = cases
  onProgress('measuring the load generator')
  const limit = bare === undefined ? undefined : await generatorLimit(options.load, bare, options, resources)
  const summaries = summariseRounds(await runRounds(cases, options.load, { ...options, onProgress }))
  const stored = report.casesOfSummaries(summaries)
  await resources.end()
  return {
    lines: [
      report.tableOf(summaries),
      '',
      ...report.betweenCases(stored),
      ...remarks,
      ...(limit === undefined ? [] : [limit.remark, ...saturationRemarks(summaries, limit.perSecond)]),
    ],
    cases: stored,
  }
}

function conclude(cases: report.BenchResult['cases'], busy: readonly string[], options: BenchOptions): void {
  const result = { machine: report.machineOf(), cases }
  const stored = report.readStored()
  console.log([...busy, ...report.comparisonWith(stored, result)].join('\n'))
  if (options.isSaved) report.writeStored(stored, result)
  if (options.isJson) console.log(JSON.stringify(result))
}
