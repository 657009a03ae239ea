/** A terminal that keeps what was written to it. */
import pc from 'picocolors'
import type { Terminal } from '../../cli/terminal.ts'

export interface TestTerminal extends Terminal {
  readonly output: () => string
  readonly errors: () => string
}

export function createTestTerminal(
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): TestTerminal {
  const written: string[] = []
  const complained: string[] = []
  return {
    write: text => void written.push(text),
    writeError: text => void complained.push(text),
    progress: () => {},
    colors: pc.createColors(false),
    env: options.env ?? {},
    cwd: options.cwd ?? '/',
    output: () => written.join(''),
    errors: () => complained.join(''),
  }
}
