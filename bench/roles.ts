/** The processes of the bench: one program, started in a role of its own, on a core of its own where that is possible. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Resources } from './resources.ts'

export type Role =
  | 'bare'
  | 'naive'
  | 'load'
  | 'policy'
  | 'raw'
  | 'ending'
  | 'calls'
  | 'bare-gateway'
  | 'bare-grpc'
  | 'checks'
/** `any`: wherever the machine puts it. */
export type Core = 'server' | 'load' | 'any'

export const isPinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0
const cores = { server: '0', load: '1' } as const

/** Node as the container and `npm start` run it, the same for the yardstick and for everything that is compared with it. */
export const nodeCommand: readonly string[] = [process.execPath, '--use-largepages=silent', ...process.execArgv]

/** Nothing outlives the bench, not even a second Ctrl-C. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a program on its core. Its own output is dropped, its errors are shown. */
export function startPinned(
  core: Core,
  command: readonly string[],
  options: { readonly hasChannel?: boolean; readonly stderr?: 'inherit' | 'pipe' } = {},
): ChildProcess {
  const isOnCore = isPinned && core !== 'any'
  const [program = '', ...args] = isOnCore ? ['taskset', '-c', cores[core], ...command] : command
  const channel = options.hasChannel === true ? (['ipc'] as const) : []
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', options.stderr ?? 'inherit', ...channel] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Starts the bench itself in a role and waits for its first message. */
export async function startRole<T>(
  role: Role,
  args: readonly string[],
  resources: Resources,
  core: Core = role === 'load' ? 'load' : 'server',
): Promise<{ child: ChildProcess; ready: T }> {
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url))
  const command = [...nodeCommand, main, '--role', role, ...args]
  const child = startPinned(core, command, { hasChannel: true })
  resources.add(() => stop(child))
  return { child, ready: await nextMessage<T>(child) }
}

/** The next message of a child; rejects when it ends instead. */
export function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a process of the bench ended with ${code}`))
    child.once('exit', onExit)
    child.once('error', reject)
    child.once('message', message => {
      child.off('exit', onExit).off('error', reject)
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
