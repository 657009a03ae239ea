/** Child processes of the demo: started, watched, their last words kept, and ended together. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ChildOptions {
  /** How people are told about it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment beside PATH and HOME; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export interface Child {
  readonly name: string
  /** `undefined` when it could not be started. */
  readonly pid: number | undefined
  /** Resolves when the process has ended by itself; never after `stop`. */
  readonly died: Promise<string>
  readonly isRunning: () => boolean
  /** The last lines that it printed, stdout and stderr together. */
  readonly lastLines: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  /** SIGTERM, and SIGKILL after `graceMs`. Resolves with the exit code when it has ended. */
  readonly stop: (graceMs?: number) => Promise<number | null>
}

const MAX_LINES = 60

export function startChild(options: ChildOptions): Child {
  const { PATH = '', HOME = '', TMPDIR } = process.env
  const inherited = TMPDIR === undefined ? { PATH, HOME } : { PATH, HOME, TMPDIR }
  const child = spawn(options.command, options.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    // A process group of its own: Ctrl-C reaches us, and we end everything in order.
    detached: true,
  })
  // Nothing outlives us, not even a second Ctrl-C.
  const killOnExit = (): void => void child.kill('SIGKILL')
  process.once('exit', killOnExit)
  child.once('exit', () => process.off('exit', killOnExit))
  const lines = collectLines(child)
  let isStopping = false
  const died = new Promise<string>(resolve => {
    child.once('error', error => resolve(`${options.name} could not be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      if (!isStopping) resolve(`${options.name} ended (${signal ?? `exit code ${code}`})`)
    })
  })
  const isRunning = (): boolean => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  return {
    name: options.name,
    died,
    pid: child.pid,
    isRunning,
    lastLines: () => lines.join('\n'),
    signal: signal => void child.kill(signal),
    stop: async (graceMs = 8_000) => {
      isStopping = true
      if (child.pid !== undefined) await endProcess(child, graceMs)
      return child.exitCode
    },
  }
}

/** SIGTERM, and SIGKILL for one that is still there after `graceMs`; resolves when the process has ended. */
export async function endProcess(child: ChildProcess, graceMs = 2_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  // A stopped process would never see the SIGTERM.
  child.kill('SIGCONT')
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await ended
  clearTimeout(killer)
}

function collectLines(child: ChildProcess): string[] {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = `${rest}${chunk}`.split('\n')
      rest = parts.pop() ?? ''
      lines.push(...parts)
      if (lines.length > MAX_LINES) lines.splice(0, lines.length - MAX_LINES)
    })
  }
  return lines
}
