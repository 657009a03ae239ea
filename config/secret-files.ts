/** Replaces `…File` settings by what the named files hold. */
import { resolve } from 'node:path'
import type { Setting } from './schema/settings.ts'
import { deleteIn, getIn, type Path, setIn, type Tree } from './tree.ts'

/** How files are reached; handed in, so that a test needs no disk. */
export interface FileAccess {
  /** Text of the file; throws when it cannot be read. */
  readonly readFile: (path: string) => string
  /** Permission bits; `undefined` where unknown. */
  readonly fileMode?: (path: string) => number | undefined
}

/** Lines that say something, without the white space around them. */
export const linesOf = (text: string): string[] =>
  text
    .split(/[\r\n]+/)
    .map(line => line.trim())
    .filter(line => line !== '')

/** The path of the setting that a file setting stands for. */
export const valuePathOf = (setting: Setting, path: Path): Path => [...path.slice(0, -1), setting.fileOf ?? '']

/**
 * Reads the file that one setting names, and puts its trimmed text where the setting itself would stand. Says what is
 * wrong in `problem`, and in `warning` when other accounts of the machine can read the file.
 */
export function readSecretFile(
  tree: Tree,
  setting: Setting,
  path: Path,
  options: FileAccess & { readonly directory: string },
): { problem?: string; warning?: string } {
  const name = getIn(tree, path)
  if (typeof name !== 'string' || name === '') return {}
  const file = resolve(options.directory, name)
  let text: string
  try {
    text = options.readFile(file).trim()
  } catch (error) {
    return { problem: `expected a file that can be read: ${file} ${reasonOf(error, file)}` }
  }
  if (text === '') return { problem: `expected a file with a value: ${file} is empty` }
  if (text.includes('\0')) return { problem: `expected a file with text: ${file} holds something else` }
  const { fileHolds = 'line' } = setting
  const lines = linesOf(text)
  if (lines.length > 1 && fileHolds === 'line') {
    return { problem: `expected a file with one line: ${file} has more` }
  }
  deleteIn(tree, path)
  setIn(tree, valuePathOf(setting, path), fileHolds === 'text' ? text : lines.join('\n'))
  const isWorldReadable = setting.isPublic !== true && ((options.fileMode?.(file) ?? 0) & 0o004) !== 0
  return isWorldReadable ? { warning: `every account of this machine can read ${file}; chmod 600 it` } : {}
}

function reasonOf(error: unknown, file: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' && file.startsWith('/run/credentials/'))
    return 'does not exist: systemd puts it there, for as long as the unit runs that has it as LoadCredential='
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return 'may not be read by this account'
  return code === 'EISDIR' ? 'is a directory' : 'cannot be read'
}
