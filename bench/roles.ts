/** The processes of the bench: one program, started in a role of its own, on a core of its own where that is possible. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

export type Role = 'bare' | 'naive' | 'load' | 'policy'
type Core = 'server' | 'load'

export const isPinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0
const cores: Readonly<Record<Core, string>> = { server: '0', load: '1' }

/** Starts a program on its core. Its own output is dropped, its errors are shown. */
export function startPinned(
  core: Core,
  command: readonly string[],
  options: { readonly hasChannel?: boolean; readonly stderr?: 'inherit' | 'pipe' } = {},
): ChildProcess {
  const [program = '', ...args] = isPinned ? ['taskset', '-c', cores[core], ...command] : command
  const channel = options.hasChannel === true ? (['ipc'] as const) : []
  return spawn(program, args, { stdio: ['ignore', 'ignore', options.stderr ?? 'inherit', ...channel] })
}

/** Starts the bench itself in a role and waits for its first message. */
export async function startRole<T>(role: Role, ...args: readonly string[]): Promise<{ child: ChildProcess; ready: T }> {
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url))
  const command = [process.execPath, ...process.execArgv, main, '--role', role, ...args]
  const child = startPinned(role === 'load' ? 'load' : 'server', command, { hasChannel: true })
  return { child, ready: await nextMessage<T>(child) }
}

/** The next message of a child; rejects when it ends instead. */
export function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a process of the bench ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', message => {
      child.off('exit', onExit)
      resolve(message as T)
    })
  })
}

/** Ends a process that this bench started, at the latest after five seconds. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}
