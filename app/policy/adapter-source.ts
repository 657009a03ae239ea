/** Rows from any Casbin adapter, and a Casbin watcher that says when to load them again: a fleet shares one policy. */
import { PolicyError } from '../../rbac/policy-error.ts'
import { startAdapterThread } from './adapter-thread.ts'
import { createAdapterWatch } from './adapter-watch.ts'
import type { OperatorModule } from './operator-module.ts'
import type { PolicySource, PolicyText, PolicyTexts } from './policy-source.ts'

export interface AdapterSourceOptions {
  readonly adapter: OperatorModule
  /** Without one, only `pollMs` notices a change. */
  readonly watcher?: OperatorModule
  /** Directory from which packages are found. */
  readonly from: string
  /** The built-in Casbin model. */
  readonly model: string
  /** How long one load may take, in milliseconds. */
  readonly timeoutMs: number
  /** How often rows are read without being told, in milliseconds. */
  readonly pollMs: number
}

/** `load` rejects with `PolicyError` when the adapter fails, and while its watcher cannot be had. */
export function createAdapterSource(options: AdapterSourceOptions): PolicySource {
  const { model, pollMs } = options
  const watcher = createAdapterWatch(options)
  // What was loaded last; absent after a failure, so that the next success is a change.
  let known: string | undefined
  let isFailing = false

  async function load(): Promise<PolicyTexts> {
    try {
      // Listening comes first: a change between the load and the listening would be missed.
      await watcher.ensure()
      const files = await readRows(options)
      known = JSON.stringify(files)
      return { model, files }
    } catch (error) {
      known = undefined
      throw problemOf(error)
    }
  }

  async function poll(onChange: () => void): Promise<void> {
    const rows = await readRows(options).then(JSON.stringify, () => undefined)
    const isNews = rows === undefined ? !isFailing : rows !== known
    isFailing = rows === undefined
    if (isNews) onChange()
  }

  return {
    load,
    watch(onChange) {
      watcher.listen(onChange)
      let isPolling = false
      const timer = setInterval(() => {
        if (isPolling) return
        isPolling = true
        void poll(onChange).finally(() => {
          isPolling = false
        })
      }, pollMs)
      timer.unref()
      return () => clearInterval(timer)
    },
    close: watcher.close,
  }
}

/** In a thread of its own each time: no connection waits idle, and a load that hangs is ended with its thread. */
async function readRows({ adapter, from, timeoutMs }: AdapterSourceOptions): Promise<readonly PolicyText[]> {
  const thread = startAdapterThread({ task: 'load', module: adapter, from }, timeoutMs)
  try {
    const message = await thread.first
    return message.kind === 'texts' ? message.texts : []
  } finally {
    await thread.end()
  }
}

function problemOf(error: unknown): PolicyError {
  const reason = error instanceof Error ? error.message : String(error)
  return new PolicyError([{ file: 'adapter', line: 1, column: 1, message: `cannot load rows: ${reason}` }])
}
