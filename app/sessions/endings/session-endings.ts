/**
 * Tells when a session ends, so that whoever carries a stream can cut it then.
 *
 * Threat: a WebSocket that outlives its log-out for hours, because a notification was lost. So no notification is
 * believed, and none is needed: each is a reason to look at once, and everything that is watched is looked at every two
 * seconds in any case. Where looking fails for ten seconds, the end is `unknown`, and the stream is to be cut as well.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'
import type { ChangedRecord, RecordStore } from '../record-store.ts'
import { handleOf } from '../session-directory.ts'
import type { EndReason, Look, Looking, Standing, Watched } from './watched.ts'
import { createWatchers, type Watcher } from './watchers.ts'

export interface SessionEndings {
  /**
   * Calls `onEnd` once when what is watched has ended, also when it had before; never before `watch` has returned, never
   * after the answer was called, which gives the watch up. What `onEnd` throws is reported and stops nobody else.
   */
  watch(watched: Watched, onEnd: (why: EndReason) => void): () => void
  /** Another process says that a record has changed; `undefined`: any may have. */
  hint(changed: ChangedRecord | undefined): void
  /** What `stands` goes by has changed: everything is looked at now, however lately it was. */
  lookNow(): void
  /** Every watch ends as `unknown`, also one that begins later. */
  close(): void
}

export interface SessionEndingsOptions {
  readonly records: Pick<RecordStore, 'subscribe'>
  readonly lookAt: (watched: Watched) => Looking
  readonly clock: Clock
  /** How often what is watched is looked at whatever is told, in milliseconds; default 2000. */
  readonly lookEveryMs?: number
  /** How long it may be impossible to look before the end is `unknown`, in milliseconds; default 10 000. */
  readonly longestDoubtMs?: number
  /** An `onEnd` has thrown. */
  readonly onError: (error: unknown) => void
}

/** Looks that are under way at one time: the checks are not to wait behind thousands. */
const mostAtOnce = 200
/** How many times as long as looking at all took nobody looks at all again: it has a tenth of the processor at most. */
const restFactor = 9
/** Sooner than this nothing is looked at because of its time. */
const leastPauseMs = 10

export function createSessionEndings(options: SessionEndingsOptions): SessionEndings {
  const { records, lookAt, clock, lookEveryMs = 2000, longestDoubtMs = 10_000, onError } = options
  const watchers = createWatchers()
  const due = new Set<Watcher>()
  let isDueSoon = false
  let isAllDue = false
  let isAllUnderWay = false
  let isAllDueNow = false
  let isClosed = false
  let restUntil = 0
  let allDueAt = 0
  let timer: NodeJS.Timeout | undefined
  /** By the clock. */
  let armedFor = Number.POSITIVE_INFINITY
  let unsubscribe = (): void => undefined

  function start(): void {
    allDueAt = performance.now() + lookEveryMs
    unsubscribe = records.subscribe(hint)
    arm()
  }
  function stop(): void {
    unsubscribe()
    clearTimeout(timer)
    isAllDue = false
  }

  function hint(changed: ChangedRecord | undefined): void {
    if (watchers.count() === 0) return
    if (changed === undefined || changed.kind === 'cutoff') allSoon()
    else if (changed.kind === 'session') for (const watcher of watchers.of(handleOf(changed.key))) soon(watcher)
  }

  /** In a later turn: a snapshot of the store that was taken in this one may be older than what was told. */
  function soon(watcher: Watcher): void {
    due.add(watcher)
    if (isDueSoon) return
    isDueSoon = true
    setImmediate(() => void lookAtDue())
  }
  async function lookAtDue(): Promise<void> {
    isDueSoon = false
    const batch = [...due]
    due.clear()
    await examineAll(batch)
    if (batch.some(({ isOver, endsAt }) => !isOver && endsAt < armedFor)) arm()
  }

  function allSoon(): void {
    isAllDue = true
    if (isAllUnderWay) return
    if (performance.now() < restUntil) {
      arm()
      return
    }
    isAllUnderWay = true
    setImmediate(() => void lookAtAll())
  }
  async function lookAtAll(): Promise<void> {
    isAllDue = false
    const startedAt = performance.now()
    await examineAll(watchers.all())
    const endedAt = performance.now()
    allDueAt = startedAt + lookEveryMs
    restUntil = endedAt + Math.min((endedAt - startedAt) * restFactor, lookEveryMs)
    isAllUnderWay = false
    arm()
  }

  /** Threat: a policy that shuts somebody out comes right after a look at all, and waits for as long as that one rests. */
  function allNow(): void {
    if (isAllDueNow || watchers.count() === 0) return
    isAllDueNow = true
    setImmediate(() => {
      isAllDueNow = false
      void examineAll(watchers.all())
    })
  }

  async function examineAll(batch: readonly Watcher[]): Promise<void> {
    for (let from = 0; from < batch.length; from += mostAtOnce) {
      if (from > 0) await nextTurn()
      await Promise.all(batch.slice(from, from + mostAtOnce).map(examine))
    }
  }

  /** For the next look whose time has come: at all, or at what ends by then. */
  function arm(): void {
    clearTimeout(timer)
    if (watchers.count() === 0) return
    const untilAll = (isAllDue ? restUntil : allDueAt) - performance.now()
    const pause = Math.max(Math.min(untilAll, watchers.nextEnd() - clock.now()), leastPauseMs)
    armedFor = clock.now() + pause
    timer = setTimeout(lookInTime, pause)
    timer.unref()
  }
  function lookInTime(): void {
    for (const watcher of watchers.all()) if (watcher.endsAt <= clock.now()) soon(watcher)
    if (isAllDue || performance.now() >= allDueAt) allSoon()
    else arm()
  }

  async function examine(watcher: Watcher): Promise<void> {
    // What is being read may be what was there before: it is read once more.
    watcher.isStale = true
    if (watcher.isBeingRead) return
    watcher.isBeingRead = true
    while (watcher.isStale && !watcher.isOver) {
      watcher.isStale = false
      const sentAt = performance.now()
      try {
        settle(watcher, await watcher.look(), sentAt)
      } catch {
        doubt(watcher)
      }
    }
    watcher.isBeingRead = false
  }

  function settle(watcher: Watcher, standing: Awaited<ReturnType<Look>>, sentAt: number): void {
    if (watcher.isOver) return
    if (standing === 'withdrawn') {
      end(watcher, standing)
      return
    }
    if (standing === undefined) {
      end(watcher, watcher.endsAt <= clock.now() ? 'expired' : 'ended')
      return
    }
    watchers.found(watcher, standing)
    if (!watcher.isBeingConfirmed) confirm(watcher, standing, sentAt)
  }

  /** Beside the looks, because it may take as long as the provider does. */
  function confirm(watcher: Watcher, standing: Standing, sentAt: number): void {
    const concluded = (isConfirmed: boolean): void => {
      if (isConfirmed) watcher.confirmedAt = sentAt
      else end(watcher, 'ended')
    }
    const answer = standing.confirm?.() ?? true
    if (!(answer instanceof Promise)) {
      concluded(answer)
      return
    }
    watcher.isBeingConfirmed = true
    const finished = (): void => {
      watcher.isBeingConfirmed = false
    }
    void answer.then(concluded, () => doubt(watcher)).finally(finished)
  }

  function doubt(watcher: Watcher): void {
    if (performance.now() - watcher.confirmedAt >= longestDoubtMs) end(watcher, 'unknown')
  }

  function end(watcher: Watcher, why: EndReason): void {
    if (watcher.isOver) return
    drop(watcher)
    try {
      const answer: unknown = watcher.onEnd(why)
      if (answer instanceof Promise) answer.catch(onError)
    } catch (error) {
      onError(error)
    }
  }

  function drop(watcher: Watcher): void {
    if (watcher.isOver) return
    watcher.isOver = true
    due.delete(watcher)
    watchers.remove(watcher)
    if (watchers.count() === 0) stop()
  }

  return {
    watch(watched, onEnd) {
      const watcher = watchers.add(lookAt(watched), onEnd)
      if (isClosed) setImmediate(() => end(watcher, 'unknown'))
      else {
        if (watchers.count() === 1) start()
        soon(watcher)
      }
      return () => drop(watcher)
    },
    hint,
    lookNow: allNow,
    close() {
      isClosed = true
      for (const watcher of watchers.all()) end(watcher, 'unknown')
    },
  }
}
