/** A token out of a file or of standard input. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { ValueError } from '../../rbac/policy-error.ts'
import type { Terminal } from '../terminal.ts'

/** Far more than any token that is taken. */
const longestFile = 1024 * 1024

/** Rejects with `ValueError`, whose message holds nothing of a token. Blanks around it do not count. */
export async function readInput(
  file: string | undefined,
  { cwd }: Pick<Terminal, 'cwd'>,
  input: NodeJS.ReadStream = process.stdin,
): Promise<string> {
  // Threat: a token in a command line, which every user of the machine can read and the shell keeps.
  if (file !== undefined && /^(?:bearer\s+)?e[\w-]+\.[\w-]+\./i.test(file)) {
    throw new ValueError('a token in a command line is seen by others: give a file, or standard input')
  }
  const found = file === undefined || file === '-' ? await fromInput(input) : fromFile(resolve(cwd, file), file)
  const token = found.trim()
  if (token === '') throw new ValueError('there is no token: give a file, or standard input')
  return token
}

async function fromInput(input: NodeJS.ReadStream): Promise<string> {
  if (input.isTTY) throw new ValueError('give a file with the token, or pipe it in: what is typed here is shown')
  return text(input)
}

function fromFile(path: string, name: string): string {
  try {
    if (statSync(path).size <= longestFile) return readFileSync(path, 'utf8')
  } catch {
    throw new ValueError(`${name} cannot be read`)
  }
  throw new ValueError(`${name} is larger than any token`)
}
