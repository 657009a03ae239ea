/** One program of a cluster: it is there until it is stopped, and goes with the process that started it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { endProcess } from '../child.ts'

export interface Program {
  readonly process: ChildProcess
  /** The end of what it printed, both streams. */
  readonly output: () => string
  /** Rejects when it ends; never resolves. */
  readonly ended: Promise<never>
  readonly stop: () => Promise<void>
}

/** What it needs of our environment; a kubeconfig or a proxy of whoever runs this is nothing for it. */
export function plainEnvironment(home: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: home, LANG: 'C.UTF-8' }
}

export interface ProgramSettings {
  readonly directory: string
  /** A process group of its own: Ctrl-C reaches whoever started it, who then ends everything in order. Default false. */
  readonly ownGroup?: boolean
}

export function startProgram(command: string, args: readonly string[], settings: ProgramSettings): Program {
  const { directory, ownGroup = false } = settings
  const child = spawn(command, args, {
    detached: ownGroup,
    cwd: directory,
    env: plainEnvironment(directory),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk).slice(-8000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const killOnExit = (): void => void child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => reject(new Error(`${command} ended with ${code ?? signal}: ${output}`)))
  })
  // Whoever waits for something of it hears of its end; afterwards nobody does.
  ended.catch(() => undefined)
  return {
    process: child,
    output: () => output,
    ended,
    stop: async () => {
      process.off('exit', killOnExit)
      // One that could not be started has no end.
      if (child.pid !== undefined) await endProcess(child)
    },
  }
}

/** Resolves with the first match in what it prints; rejects when it ends before. */
export function untilPrinted(program: Program, pattern: RegExp): Promise<RegExpExecArray> {
  const printed = new Promise<RegExpExecArray>(resolve => {
    const look = () => {
      const match = pattern.exec(program.output())
      if (match !== null) resolve(match)
    }
    program.process.stdout?.on('data', look)
    program.process.stderr?.on('data', look)
    look()
  })
  return Promise.race([printed, program.ended])
}
