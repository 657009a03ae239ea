/** The built command line, as whoever runs it on his machine: with a kubectl on the path, a home, and a kubeconfig. */
import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { builtCommandLine } from '../../built-command-line.ts'
import type { ClusterPrograms } from '../../kubernetes/programs.ts'

const cli = builtCommandLine()

export interface Printed {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface BuiltCall {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
}

/** @param directory for the home and the path, which are made here */
export function builtCommand(programs: ClusterPrograms, directory: string): (call: BuiltCall) => Promise<Printed> {
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  symlinkSync(programs.kubectl['1.37'], join(bin, 'kubectl'))
  const path = [bin, process.env.PATH ?? ''].join(delimiter)
  return ({ args, env = {}, stdin = '' }) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [cli, 'kube', ...args], {
        env: { PATH: path, HOME: directory, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      const printed = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr'] as const)
        child[name].setEncoding('utf8').on('data', chunk => {
          printed[name] += chunk
        })
      child.stdin.on('error', () => undefined)
      child.stdin.end(stdin)
      child.once('error', reject)
      child.once('close', code => resolve({ code, ...printed }))
    })
}
