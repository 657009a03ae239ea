/**
 * How far a command is: one line on a terminal, written over and over and gone before anything else is written.
 *
 * Into a file or a pipe nothing of it is written. There is no timer, since most of the work never lets one run: whoever
 * works says how far it is as often as it likes, and mostly that costs one look at the clock.
 */
import type { Terminal } from './terminal.ts'

/** A command that ends before that shows nothing, in milliseconds. */
const silentMs = 1_000
const betweenMs = 200
/** Carriage return, and erase to the end of the line (ECMA-48 EL). */
const erase = '\r\x1b[K'

export interface ProgressOptions {
  /** Whether standard error is a terminal. */
  readonly isShown: boolean
  /** Milliseconds that only grow. Default `performance.now`. */
  readonly now?: () => number
}

/** A terminal that shows progress; what it is made from does the writing. */
export function withProgress(
  terminal: Omit<Terminal, 'progress'>,
  { isShown, now = () => performance.now() }: ProgressOptions,
): Terminal {
  if (!isShown) return { ...terminal, progress: () => {} }
  let next = now() + silentMs
  let isThere = false
  const afterErasing = (write: (text: string) => void) => (text: string) => {
    if (isThere) terminal.writeError(erase)
    isThere = false
    write(text)
  }
  return {
    ...terminal,
    write: afterErasing(terminal.write),
    writeError: afterErasing(terminal.writeError),
    progress(text) {
      if (now() < next) return
      next = now() + betweenMs
      isThere = true
      terminal.writeError(`${erase}${text()} …`)
    },
  }
}
