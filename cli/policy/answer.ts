/** What the commands that ask a policy have in common: where the policy is, the form of the answer, the exit code. */
import type { Command } from 'commander'
import { ValueError } from '../../rbac/policy-error.ts'
import { addInsecureOptions, insecureOptionsOf } from '../insecure-options.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import type { PolicyChoice } from './load-policy.ts'

export interface AnswerValues {
  readonly policy?: string
  readonly config?: string
  readonly json?: boolean
}

export function addAnswerOptions(command: Command): Command {
  return addInsecureOptions(
    command
      .option('-p, --policy <directory>', 'policy directory')
      .option('-c, --config <file>', 'configuration file that names the directory and the providers')
      .option('--json', 'print one JSON document'),
  )
}

export const choiceOf = ({ policy, config, ...values }: AnswerValues): PolicyChoice => ({
  allowInsecure: insecureOptionsOf(values),
  ...(policy === undefined ? {} : { directory: policy }),
  ...(config === undefined ? {} : { config }),
})

/** Prints what `answer` gives, as a document or as text; an argument that cannot be read is a mistake of the command line. */
export async function printAnswer<T>(
  values: AnswerValues,
  terminal: Terminal,
  answer: () => Promise<T>,
  format: (value: T) => string,
): Promise<number> {
  try {
    const value = await answer()
    terminal.write(values.json === true ? `${JSON.stringify(value)}\n` : format(value))
    return exitCodes.ok
  } catch (error) {
    if (!(error instanceof ValueError)) return reportError(error, terminal)
    terminal.writeError(`${terminal.colors.red('error')}: ${error.message}\n`)
    return exitCodes.usage
  }
}

/** Columns as wide as their widest cell; `paint` colours a cell once its width is known. */
export function formatTable(
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number, row: number) => string = cell => cell,
): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows
    .map((row, line) => {
      const cells = row.map((cell, column) => {
        const isLast = column === row.length - 1
        return paint(cell, column, line) + (isLast ? '' : ' '.repeat((widths[column] ?? 0) - cell.length))
      })
      return `  ${cells.join('  ')}\n`
    })
    .join('')
}
