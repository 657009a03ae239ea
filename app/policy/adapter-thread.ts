/** Starts the thread of an operator's module, and turns what it says, and how it ends, into calls. */
import { Worker } from 'node:worker_threads'
import type { AdapterMessage, AdapterTask } from './adapter-worker.ts'

/** Run from its sources, Node 20 could not read the thread's TypeScript: there the built one is taken. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/app/policy/adapter-worker.js' : './adapter-worker.js',
  import.meta.url,
)

export interface AdapterThread {
  /** Resolves with the first message that is no failure; rejects when the thread fails, ends or is late. */
  readonly first: Promise<AdapterMessage>
  readonly end: () => Promise<void>
}

/** `onMessage` gets what follows the first message, `onEnd` is called once when the thread is gone after it. */
export function startAdapterThread(
  task: AdapterTask,
  timeoutMs: number,
  {
    onMessage = () => {},
    onEnd = () => {},
  }: { onMessage?: (message: AdapterMessage) => void; onEnd?: () => void } = {},
): AdapterThread {
  const worker = new Worker(workerUrl, { workerData: task })
  const end = async (): Promise<void> => {
    await worker.terminate()
  }
  let hasBegun = false
  const first = new Promise<AdapterMessage>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    const fail = (reason: string): void => {
      clearTimeout(late)
      reject(new Error(reason))
    }
    worker.on('message', (message: AdapterMessage) => {
      if (message.kind === 'failed') return fail(message.reason)
      if (hasBegun) return onMessage(message)
      hasBegun = true
      clearTimeout(late)
      resolve(message)
    })
    worker.on('error', (error: Error) => fail(error.message))
    worker.on('exit', () => {
      fail('its thread has ended without an answer')
      if (hasBegun) onEnd()
    })
  })
  first.catch(() => worker.terminate())
  return { first, end }
}
