/**
 * Notices that a policy directory has changed and has settled since: told by the system where it tells, and looking
 * every few seconds in any case. Survives editors that rename on save, a swapped link, and the directory itself going.
 */
import { watch } from 'node:fs'
import { readDirectoryState } from './directory-state.ts'

export interface WatchDirectoryOptions {
  readonly directory: string
  /** How long the directory has to stay as it is, in milliseconds. */
  readonly settleMs: number
  /** How often to look without being told, in milliseconds. */
  readonly pollMs: number
  /** Fingerprint of the state that needs no report; the one found at first if absent. */
  readonly known?: string | undefined
  /** What tells one state from another. Default: the fingerprint of a policy directory. */
  readonly state?: (() => Promise<string>) | undefined
}

/** Gives the function that stops it. */
export function watchDirectoryState(options: WatchDirectoryOptions, onChange: () => void): () => void {
  const looker = createLooker(options, () => {
    renew()
    onChange()
  })
  const listener = listen(options.directory, looker.look)
  // What is listened to may be a directory that has been moved away: each renewal looks for what was missed before it.
  const renew = () => {
    listener.renew()
    looker.look()
  }
  const timer = setInterval(renew, options.pollMs)
  timer.unref()
  looker.look()
  return () => {
    clearInterval(timer)
    listener.stop()
    looker.stop()
  }
}

/** Compares states; one look at a time, and one more when asked meanwhile. */
function createLooker({ directory, settleMs, known, state: stateOf }: WatchDirectoryOptions, onChange: () => void) {
  let reported = known
  let isStopped = false
  let isLooking = false
  let isAskedAgain = false

  const fingerprint = async (): Promise<string> => {
    if (stateOf !== undefined) return stateOf()
    const state = await readDirectoryState(directory).catch(() => undefined)
    return state?.fingerprint ?? 'unreadable'
  }

  async function compare(): Promise<void> {
    let current = await fingerprint()
    reported ??= current
    while (current !== reported && !isStopped) {
      await new Promise(resolve => setTimeout(resolve, settleMs))
      const settled = await fingerprint()
      if (settled === current && !isStopped) {
        reported = settled
        onChange()
      }
      current = settled
    }
  }

  async function lookUntilDone(): Promise<void> {
    isLooking = true
    do {
      isAskedAgain = false
      await compare()
    } while (isAskedAgain && !isStopped)
    isLooking = false
  }

  return {
    look(): void {
      isAskedAgain = true
      if (!isLooking && !isStopped) void lookUntilDone()
    },
    stop(): void {
      isStopped = true
    },
  }
}

/** Notifications of the system. `renew` listens again to a directory that was replaced, removed or has come back. */
function listen(directory: string, onEvent: () => void): { renew(): void; stop(): void } {
  let watcher: ReturnType<typeof watch> | undefined
  const stop = () => {
    watcher?.close()
    watcher = undefined
  }
  const renew = () => {
    stop()
    try {
      watcher = watch(directory, { persistent: false }, onEvent)
      watcher.on('error', stop)
    } catch {
      // It is not there now: the regular look says so, and the next renewal tries again.
    }
  }
  renew()
  return { renew, stop }
}
