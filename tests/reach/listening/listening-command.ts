/** `sallyport kube excess --listen` as a process of its own: what a signal does to it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { builtCommandLine } from '../../built-command-line.ts'

export interface Listening {
  /** `https://127.0.0.1:9443`. */
  readonly address: string
  /** Of the first line that it said. */
  readonly greeting: string
  readonly process: ChildProcess
  /** To its end, by a signal or by itself. */
  readonly end: (signal?: NodeJS.Signals) => Promise<Ended>
}

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly errors: string
}

const cli = builtCommandLine()

/** @param env beside that of this process */
export function spawnKube(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): { process: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [cli, 'kube', ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors]: [string[], string[]] = [[], []]
  child.stdout?.setEncoding('utf8').on('data', text => out.push(text))
  child.stderr?.setEncoding('utf8').on('data', text => errors.push(text))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, out: out.join(''), errors: errors.join('') }))
  })
  return { process: child, ended }
}

/** Rejects with what it said when it ends before it listens. */
export async function listen(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Listening> {
  const { process: child, ended } = spawnKube(args, cwd, env)
  let said = ''
  const greeting = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', text => {
      said += text
      const line = /^Listening at .*$/m.exec(said)
      if (line !== null && said.includes('\n', line.index)) resolve(line[0])
    })
    ended.then(({ out, errors }) => reject(new Error(`it has ended: ${out}${errors}`)), reject)
  })
  const [, address = ''] = /Listening at (\S+)/.exec(greeting) ?? []
  return {
    address,
    greeting,
    process: child,
    end: (signal = 'SIGINT') => {
      child.kill(signal)
      return ended
    },
  }
}
