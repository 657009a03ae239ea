/** Runs the tests of a policy and reports them, for people or in the format of a program. */
import { type PolicyTestResult, runPolicyTests } from '../../rbac/testing/policy-test-run.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { loadPolicy, type PolicyChoice } from './load-policy.ts'
import { testDefaults } from './test-defaults.ts'
import { junitReport, tapReport } from './test-reports.ts'

export type TestFormat = 'text' | 'tap' | 'junit' | 'json'

export interface TestChoice extends PolicyChoice {
  readonly filter?: string
  readonly format: TestFormat
}

/** Fails when a case fails, and when there is none: a run without tests proves nothing. */
export async function testPolicy(choice: TestChoice, terminal: Terminal): Promise<number> {
  try {
    const { directory, snapshot, texts, config } = await loadPolicy(choice, terminal)
    const wanted = (choice.filter ?? '').toLowerCase()
    let read = 0
    const isWanted = (file: string, name: string) => {
      read += 1
      return `${file} ${name}`.toLowerCase().includes(wanted)
    }
    const pause = async (): Promise<void> => terminal.progress(() => `${read} test cases`)
    const results = await runPolicyTests(snapshot, texts.tests ?? [], { ...testDefaults(config), isWanted, pause })
    terminal.write(reports[choice.format](results, terminal))
    if (results.length === 0) {
      const none = choice.filter === undefined ? 'no test case' : `no test case with "${choice.filter}"`
      terminal.writeError(`${terminal.colors.red('error')}: ${none} in any *.test.yaml below ${directory}\n`)
      return exitCodes.failure
    }
    return results.some(({ failures }) => failures.length > 0) ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

type Report = (results: readonly PolicyTestResult[], terminal: Terminal) => string

const reports: Readonly<Record<TestFormat, Report>> = {
  text: textReport,
  tap: tapReport,
  junit: junitReport,
  json: results => `${JSON.stringify(jsonReport(results), null, 2)}\n`,
}

function jsonReport(results: readonly PolicyTestResult[]) {
  const failed = results.filter(({ failures }) => failures.length > 0).length
  return { ok: failed === 0 && results.length > 0, cases: results.length, failed, results }
}

function textReport(results: readonly PolicyTestResult[], { colors }: Terminal): string {
  const failed = results.filter(({ failures }) => failures.length > 0)
  const files = new Set(results.map(({ file }) => file)).size
  const size = `${results.length} ${results.length === 1 ? 'case' : 'cases'} in ${files} ${files === 1 ? 'file' : 'files'}`
  const details = failed.map(({ file, line, name, request, failures, row, decision }) =>
    [
      `${colors.red('failed')}: ${file}:${line}  ${name}`,
      `  ${request}`,
      ...failures.map(failure => `  ${failure}`),
      row === undefined ? '  no row decided' : `  decided by ${decision.rule}: ${row}`,
      '',
    ].join('\n'),
  )
  if (results.length === 0) return ''
  if (failed.length === 0) return `${colors.green('ok')}: ${size}\n`
  return `${details.join('\n')}\n${colors.red(`${failed.length} failed`)} of ${size}\n`
}
