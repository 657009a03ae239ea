/**
 * One admitted call under way: who may end it, and what is told of it in the end, once.
 *
 * Threat: a call whose session has ended goes on because nobody looks any more. What is meant to last is watched from the
 * start; anything else from the moment at which it has lasted.
 */
import type { Admission, Ending, Refusal } from '../gateway-call.ts'
import type { CallMeter, MeasuredCall } from './call-meter.ts'

/** Well below the second within which a call has to end. */
const lastsFromMs = 250

/** All that can be ended from outside, for a gateway that stops. */
export interface Passages {
  /** Ends what is meant to last, or all. */
  cut(why: Refusal, which: 'lasting' | 'all'): void
  readonly count: number
  /** When there is none left. */
  whenNone(): Promise<void>
}

export interface PassagesInside extends Passages {
  enter(passage: Passage): void
  leave(passage: Passage): void
}

export function createPassages(): PassagesInside {
  const open = new Set<Passage>()
  let waiting: (() => void)[] = []
  return {
    enter: passage => open.add(passage),
    leave(passage) {
      open.delete(passage)
      if (open.size > 0) return
      for (const resolve of waiting) resolve()
      waiting = []
    },
    cut(why, which) {
      for (const passage of [...open]) if (which === 'all' || passage.isLasting) passage.cut(why)
    },
    get count() {
      return open.size
    },
    whenNone: () => (open.size === 0 ? Promise.resolve() : new Promise(resolve => waiting.push(resolve))),
  }
}

export interface PassageOptions {
  readonly admission: Admission
  /** An upgrade, a watch, a log that is followed. */
  readonly isLasting: boolean
  readonly passages: PassagesInside
  readonly meter: CallMeter
  readonly measured: MeasuredCall
  /** On a monotonic clock, in milliseconds. */
  readonly startedAt: number
  readonly onCut: (why: Refusal) => void
  /** What `finished` or `onEnd` has thrown. */
  readonly onError: (error: unknown) => void
}

export class Passage {
  status = 0
  bytesReceived = 0
  bytesSent = 0
  readonly isLasting: boolean
  readonly #options: PassageOptions
  #isOver = false
  #why: Refusal | undefined
  #timer: NodeJS.Timeout | undefined
  #unwatch: () => void = () => undefined
  readonly #measured: ReturnType<CallMeter['begun']>

  constructor(options: PassageOptions) {
    this.#options = options
    this.isLasting = options.isLasting
    options.passages.enter(this)
    this.#measured = options.meter.begun(options.measured, this)
  }

  /** Begins to watch. Not in the constructor: it may cut at once. */
  watch(): void {
    if (this.isLasting) this.#watchNow()
    else this.#timer = setTimeout(() => this.#watchNow(), lastsFromMs)
  }

  #watchNow(): void {
    if (this.#isOver) return
    try {
      const unwatch = this.#options.admission.onEnd(why => this.cut(why))
      // Cut within the call: there is nothing to keep.
      if (this.#isOver) unwatch()
      else this.#unwatch = unwatch
    } catch (error) {
      this.#options.onError(error)
      this.cut({ status: 500, reason: 'InternalError', message: 'it cannot be told whether this call may go on' })
    }
  }

  get isCut(): boolean {
    return this.#why !== undefined
  }

  cut(why: Refusal): void {
    if (this.#isOver || this.isCut) return
    this.#why = why
    this.#options.onCut(why)
  }

  /** The gateway had to refuse what it had let in. */
  refused(why: Refusal): void {
    this.#why ??= why
    this.status = why.status
  }

  /** Only the first end counts; a cut stays a cut however the connection ends then. */
  end(ending: Ending): void {
    if (this.#isOver) return
    const wasCut = this.isCut && ending !== 'refused' && ending !== 'upstream-failed'
    this.#isOver = true
    clearTimeout(this.#timer)
    const { admission, passages, startedAt, onError } = this.#options
    passages.leave(this)
    try {
      this.#unwatch()
      const { status, bytesReceived, bytesSent } = this
      const durationMs = performance.now() - startedAt
      const why = this.#why === undefined ? {} : { why: this.#why.reason }
      const how = wasCut ? 'cut' : ending
      this.#measured(how, durationMs)
      admission.finished({ status, bytesReceived, bytesSent, durationMs, ending: how, ...why })
    } catch (error) {
      onError(error)
    }
  }
}
