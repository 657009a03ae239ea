/** An error as a person reads it: mistakes with their places, everything else with its message. */
import { exitCodes, type Terminal } from './terminal.ts'

interface PlacedProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Writes the error and says which exit code belongs to it. */
export function reportError(error: unknown, terminal: Terminal): number {
  const { colors } = terminal
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof Error) || !('problems' in error) || !Array.isArray(error.problems)) {
    terminal.writeError(`${colors.red('error')}: ${message}\n`)
    return exitCodes.failure
  }
  const { problems } = error
  const what = error.name === 'ConfigError' ? 'configuration' : 'policy'
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`
  const text = problems.every(isPlaced) ? problems.map(formatPlaced).join('\n') : message
  terminal.writeError(`${colors.red(`The ${what} cannot be used: ${count}.`)}\n${text}\n`)
  return exitCodes.usage
}

const isPlaced = (problem: unknown): problem is PlacedProblem =>
  typeof problem === 'object' && problem !== null && 'file' in problem && 'line' in problem && 'column' in problem

const formatPlaced = ({ file, line, column, message }: PlacedProblem): string => `${file}:${line}:${column}  ${message}`
