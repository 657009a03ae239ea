/**
 * The thread in which an operator's modules run: loads rows once, or listens to a watcher until it is ended.
 *
 * Threat: a database client whose error nobody hears ends the process it runs in, and with it the service. Here it ends
 * this thread.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { createRowCollector } from './adapter-rows.ts'
import { constructOperatorModule, hasMethod, type OperatorModule } from './operator-module.ts'
import type { PolicyText } from './policy-source.ts'

/** What the thread is to do. */
export interface AdapterTask {
  readonly task: 'load' | 'watch'
  readonly module: OperatorModule
  /** Directory from which packages are found. */
  readonly from: string
}

/** `texts` ends a load; `ready` and then any number of `changed` come from a watch. */
export type AdapterMessage =
  | { readonly kind: 'texts'; readonly texts: readonly PolicyText[] }
  | { readonly kind: 'ready' | 'changed' }
  | { readonly kind: 'failed'; readonly reason: string }

const { task, module, from } = workerData as AdapterTask
const post = (message: AdapterMessage): void => parentPort?.postMessage(message)

async function load(): Promise<void> {
  const rows = createRowCollector()
  const adapter = await constructOperatorModule({ ...module, from, factory: 'newAdapter', method: 'loadPolicy' })
  if (hasMethod(adapter, 'loadPolicy')) await adapter.loadPolicy?.(rows.model)
  const texts = rows.texts()
  if (hasMethod(adapter, 'close')) await Promise.resolve(adapter.close?.()).catch(() => undefined)
  post({ kind: 'texts', texts })
}

async function watch(): Promise<void> {
  const watcher = await constructOperatorModule({ ...module, from, factory: 'newWatcher', method: 'setUpdateCallback' })
  if (hasMethod(watcher, 'setUpdateCallback')) await watcher.setUpdateCallback?.(() => post({ kind: 'changed' }))
  post({ kind: 'ready' })
}

/** A database client's message names hosts and accounts, never the password; it is what the operator needs. */
const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

await (task === 'load' ? load() : watch()).catch((error: unknown) => post({ kind: 'failed', reason: reasonOf(error) }))
