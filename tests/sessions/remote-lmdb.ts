/** A RecordStore whose LMDB file is opened by another process, so that two processes really share it. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../app/clock.ts'
import { type ErrorCode, OperationalError } from '../../app/errors.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { endProcess } from '../peers.ts'

type Method = Exclude<keyof RecordStore, 'name'> | 'open'

export interface RemoteCall {
  readonly id: number
  readonly method: Method
  readonly args: readonly unknown[]
  /** The test's clock, which the other process follows. */
  readonly now: number
}

export type RemoteAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: RemoteError }

interface RemoteError {
  readonly name: string
  readonly message: string
  readonly code?: string
}

export interface RemoteOptions {
  /** Shell command run before, such as a `ulimit`. */
  readonly before?: string
  readonly uid?: number
}

export interface RemoteRecords extends RecordStore {
  readonly process: ChildProcess
}

const loader = fileURLToPath(new URL('../typescript-loader.mjs', import.meta.url))
const script = fileURLToPath(new URL('./lmdb-process.ts', import.meta.url))

export async function openRemoteLmdb(path: string, clock: Clock, options: RemoteOptions = {}): Promise<RemoteRecords> {
  const child = startProcess(options)
  const call = createCaller(child, clock)
  try {
    await call('open', path)
  } catch (error) {
    await endProcess(child)
    throw error
  }
  const forward =
    <T>(method: Method) =>
    (...args: unknown[]) =>
      call(method, ...args) as Promise<T>
  return {
    name: 'lmdb',
    process: child,
    put: forward('put'),
    add: forward('add'),
    get: forward('get'),
    extend: forward('extend'),
    take: forward('take'),
    end: forward('end'),
    replace: forward('replace'),
    remove: forward('remove'),
    link: forward('link'),
    linkWithin: forward('linkWithin'),
    unlink: forward('unlink'),
    page: forward('page'),
    subscribe: () => () => undefined,
    probe: forward('probe'),
    close: forward('close'),
  }
}

function startProcess({ before = 'true', uid }: RemoteOptions): ChildProcess {
  const options: SpawnOptions = {
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    serialization: 'advanced',
    ...(uid === undefined ? {} : { uid }),
  }
  const command = [process.execPath, '--import', loader, script]
  const child = spawn('sh', ['-c', `${before}; exec "$@"`, 'sh', ...command], options)
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  // The test's own process must be able to end although the other one listens.
  child.unref()
  child.channel?.unref()
  return child
}

function createCaller(child: ChildProcess, clock: Clock) {
  const waiting = new Map<number, (answer: RemoteAnswer) => void>()
  let calls = 0
  child.on('message', (answer: RemoteAnswer) => {
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  return (method: Method, ...args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = calls++
      waiting.set(id, answer => {
        if ('error' in answer) {
          reject(revive(answer.error))
        } else resolve(answer.value)
      })
      child.once('exit', () => reject(new Error('the other process has ended')))
      child.setMaxListeners(0)
      const call: RemoteCall = { id, method, args, now: clock.now() }
      child.send(call)
    })
}

function revive({ name, message, code }: RemoteError): Error {
  if (name === 'OperationalError') return new OperationalError(code as ErrorCode, message)
  return name === 'RangeError' ? new RangeError(message) : new Error(message)
}
