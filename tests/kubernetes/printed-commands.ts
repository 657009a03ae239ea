/** What a page prints: settings, and commands run by a shell as by somebody who copies them. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtCommandLine } from '../built-command-line.ts'
import type { Finished, Running } from '../kube-cli/machine.ts'

const root = join(import.meta.dirname, '../..')
const cli = builtCommandLine()

/** The lines of the blocks without a language below a heading of `docs/<page>.md`; without one, those before the first. */
export function printedCommands(page: string, heading = ''): readonly string[] {
  const section = readPage(page)
    .split(/^## /m)
    .find((part, at) => (heading === '' ? at === 0 : part.startsWith(`${heading}\n`)))
  const blocks = (section ?? '').matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)
  const lines = [...blocks].flatMap(([, language, block = '']) => (language === '' ? block.split('\n') : []))
  return lines.filter(line => /^(?:sallyport|kubectl) /.test(line)).map(line => line.replace(/\s+# .*$/, ''))
}

/** The blocks of one language of `docs/<page>.md`. */
export function printedBlocks(page: string, language: string): readonly string[] {
  const blocks = readPage(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)
  return [...blocks].flatMap(([, of, block = '']) => (of === language ? [block] : []))
}

/** The one command within a sentence of `docs/<page>.md` that begins like this. */
export function printedCommand(page: string, beginning: string): string {
  const found = [...readPage(page).matchAll(/`([^`\n]+)`/g)].flatMap(([, text = '']) =>
    text.startsWith(beginning) ? [text] : [],
  )
  if (found.length !== 1) throw new Error(`docs/${page}.md prints ${found.length} of ${beginning}`)
  return found[0] ?? ''
}

const readPage = (page: string): string => readFileSync(join(root, 'docs', `${page}.md`), 'utf8')

export interface ShellOptions {
  /** Has a browser, as `createMachine` makes it. */
  readonly home: string
  readonly cwd: string
  /** The program. Default: none of its own. */
  readonly kubectl?: string
  /** What this machine needs beside what is printed: its ports are not the usual ones. */
  readonly alsoForOperator?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const longestMs = 120_000

/** @returns what runs one line of a shell */
export function createShell({ home, cwd, kubectl, alsoForOperator = [], env = {} }: ShellOptions) {
  const bin = join(home, 'bin')
  mkdirSync(bin, { mode: 0o700 })
  if (kubectl !== undefined) symlinkSync(kubectl, join(bin, 'kubectl'))
  const more = alsoForOperator.map(word => `'${word}'`).join(' ')
  const script = `#!/bin/sh
case "$1 $2 $3" in
  "kube render authentication") ;;
  "kube render"* | "kube reconcile"* | "sessions "*) set -- "$@" ${more} ;;
esac
exec "${process.execPath}" "${cli}" "$@"
`
  writeFileSync(join(bin, 'sallyport'), script, { mode: 0o700 })
  const start = (line: string): Running => {
    const child = spawn('sh', ['-c', line], {
      cwd,
      env: { PATH: `${bin}:${process.env.PATH}`, HOME: home, BROWSER: join(home, 'browser'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longestMs,
      killSignal: 'SIGKILL',
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (part: Buffer) => {
      stdout += part.toString()
    })
    child.stderr.on('data', (part: Buffer) => {
      stderr += part.toString()
    })
    const finished = new Promise<Finished>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', code => resolve({ code, stdout, stderr }))
    })
    return { finished, stdout: () => stdout, stderr: () => stderr, kill: signal => void child.kill(signal) }
  }
  return { start, run: (line: string): Promise<Finished> => start(line).finished }
}
