/** One Casbin watcher for the life of a source, started with the first load: a start without it is refused. */
import { startAdapterThread } from './adapter-thread.ts'
import type { OperatorModule } from './operator-module.ts'

export interface AdapterWatchOptions {
  readonly watcher?: OperatorModule
  readonly from: string
  readonly timeoutMs: number
}

export interface AdapterWatch {
  /** Resolves when the watcher listens, or there is none. Starts it again when it has ended. */
  ensure(): Promise<void>
  /** Who is told from now on; what was told before is made up for. */
  listen(onChange: () => void): void
  close(): Promise<void>
}

export function createAdapterWatch({ watcher, from, timeoutMs }: AdapterWatchOptions): AdapterWatch {
  let thread: ReturnType<typeof startAdapterThread> | undefined
  let onChange: (() => void) | undefined
  let isPending = false
  let isClosed = false

  const told = (): void => {
    if (isClosed) return
    if (onChange === undefined) isPending = true
    else onChange()
  }
  const start = (module: OperatorModule) => {
    const started = startAdapterThread({ task: 'watch', module, from }, timeoutMs, {
      onMessage: told,
      // The load that follows starts the watcher again, and says so where it cannot.
      onEnd: () => {
        thread = undefined
        told()
      },
    })
    return started
  }

  return {
    async ensure() {
      if (watcher === undefined || isClosed) return
      thread ??= start(watcher)
      try {
        await thread.first
      } catch (error) {
        thread = undefined
        const reason = error instanceof Error ? error.message : String(error)
        throw new Error(`its watcher: ${reason}`, { cause: error })
      }
    },
    listen(listener) {
      onChange = listener
      if (isPending) listener()
      isPending = false
    },
    async close() {
      isClosed = true
      await thread?.end()
    },
  }
}
