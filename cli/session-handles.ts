/**
 * Handles of sessions on a command line. A handle is base64url, so one in sixty-four begins with a dash and would be read
 * as options: somebody who is to be logged out at once would stay.
 */

const dashedHandle = /^-[\w-]{15}$/
const takesValue = /^--(?:admin|by|issuer|provider|sid|subject)$/

/** The same words, with what is a handle marked as none of the options. */
export function withHandlesMarked(args: readonly string[]): readonly string[] {
  const [command, subcommand, ...rest] = args
  if (command !== 'sessions' || (subcommand !== 'show' && subcommand !== 'end') || rest.includes('--')) return args
  const isHandle = (word: string, at: number): boolean =>
    dashedHandle.test(word) && !takesValue.test(rest[at - 1] ?? '')
  const handles = rest.filter(isHandle)
  if (handles.length === 0) return args
  return [command, subcommand, ...rest.filter((word, at) => !isHandle(word, at)), '--', ...handles]
}
