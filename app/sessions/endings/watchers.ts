/** Everybody who waits for an end, found by the sessions that theirs depends on. */
import type { EndReason, Look, Looking, Standing } from './watched.ts'

export interface Watcher {
  readonly look: Look
  readonly onEnd: (why: EndReason) => void
  handles: readonly string[]
  /** Milliseconds since the epoch, as it was found last. */
  endsAt: number
  /** When the last look was begun by which it stood, on the monotonic clock; at first, when the watch began. */
  confirmedAt: number
  isBeingRead: boolean
  isBeingConfirmed: boolean
  /** Something was told since the read that is under way was begun. */
  isStale: boolean
  /** Told, or given up. */
  isOver: boolean
}

export function createWatchers() {
  const all = new Set<Watcher>()
  const byHandle = new Map<string, Set<Watcher>>()

  function enter(watcher: Watcher): void {
    for (const handle of watcher.handles) {
      const present = byHandle.get(handle)
      if (present === undefined) byHandle.set(handle, new Set([watcher]))
      else present.add(watcher)
    }
  }
  function leave(watcher: Watcher): void {
    for (const handle of watcher.handles) {
      const present = byHandle.get(handle)
      present?.delete(watcher)
      if (present?.size === 0) byHandle.delete(handle)
    }
  }

  return {
    add({ look, handles }: Looking, onEnd: Watcher['onEnd']): Watcher {
      const states = { isBeingRead: false, isBeingConfirmed: false, isStale: false, isOver: false }
      const endsAt = Number.POSITIVE_INFINITY
      const watcher: Watcher = { look, onEnd, handles, endsAt, confirmedAt: performance.now(), ...states }
      all.add(watcher)
      enter(watcher)
      return watcher
    },
    found(watcher: Watcher, { endsAt, handles }: Standing): void {
      watcher.endsAt = endsAt
      if (handles === watcher.handles) return
      leave(watcher)
      watcher.handles = handles
      enter(watcher)
    },
    remove(watcher: Watcher): void {
      all.delete(watcher)
      leave(watcher)
    },
    all: (): readonly Watcher[] => [...all],
    of: (handle: string): Iterable<Watcher> => byHandle.get(handle) ?? [],
    count: (): number => all.size,
    /** How many sessions somebody waits for. */
    sessions: (): number => byHandle.size,
    /** When the first of them ends unless something happens, milliseconds since the epoch. */
    nextEnd(): number {
      let next = Number.POSITIVE_INFINITY
      for (const { endsAt } of all) next = Math.min(next, endsAt)
      return next
    },
  }
}
