/**
 * A migration page as a script: blocks with the name of a file are written, `+name` is added to it, and the lines of a
 * `console` block that start with `$` are run. What they print is put in place of what the page says.
 */
import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

export const pageFile = (product: string): string => join(import.meta.dirname, `../../docs/migration/${product}.md`)

const block = /^```(\w+)(?: (\+?)([\w./-]+))?\n([\s\S]*?)^```$/gm

/** Runs the page below a directory, and resolves with the page as it should be. Rejects when a command fails. */
export async function runPage(text: string, directory: string, isRun = (_command: string): boolean => true) {
  for (const name of ['session.secret', 'client.secret'])
    write(join(directory, name), `${randomBytes(32).toString('hex')}\n`, false)
  let rendered = ''
  let end = 0
  for (const match of text.matchAll(block)) {
    const [whole, language = '', plus = '', name = '', body = ''] = match
    rendered += text.slice(end, match.index)
    end = match.index + whole.length
    if (language === 'console') rendered += `\`\`\`console\n${await runBlock(body, directory, isRun)}\`\`\``
    else rendered += whole
    if (name !== '') write(join(directory, name), body, plus === '+')
  }
  return rendered + text.slice(end)
}

function write(file: string, text: string, isAdded: boolean): void {
  mkdirSync(dirname(file), { recursive: true })
  if (isAdded) appendFileSync(file, text)
  else writeFileSync(file, text, { flag: 'wx', mode: 0o600 })
}

async function runBlock(body: string, cwd: string, isRun: (command: string) => boolean): Promise<string> {
  const commands = body.match(/^\$ (?:.*\\\n)*.*$/gm) ?? []
  let printed = ''
  for (const command of commands) {
    const [program = '', ...args] = command.slice(2).replaceAll('\\\n', ' ').trim().split(/ +/)
    if (isRun(command)) printed += `${command}\n${await run(program, args, cwd)}`
  }
  return printed
}

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  if (program === 'cat') return args.map(name => readFileSync(join(cwd, name), 'utf8')).join('')
  const terminal = createTestTerminal({ cwd })
  const code = program === 'sallyport' ? await runCli(args, { version: '0', terminal }) : 127
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${code}\n${terminal.errors()}${terminal.output()}`)
  return terminal.output().replaceAll(`${cwd}/`, '')
}
