/**
 * Says which rows of the policy in force end soon or are over: when it is loaded, and once a day.
 *
 * Threat: a row that denies comes to its end on a day on which nobody looks at it. Counted each hour, for alarms; said each day.
 */
import { describeEnd, type ExpiringRow, type ExpiryState, expiringRows, stateOf } from '../../rbac/asking/expiring.ts'
import type { Row, RowEffect } from '../../rbac/row.ts'
import type { Clock } from '../clock.ts'

/** A row as the log names it. */
export interface EndingRow {
  readonly rule: string
  readonly message: string
  readonly advice: string
}

export interface ExpiryWatchOptions {
  readonly clock: Clock
  /** How long before their end rows are named, in seconds. */
  readonly warning: number
  /** At each load, and each hour: how many rows of an effect are in a state. */
  readonly onCounted: (count: (effect: RowEffect, state: ExpiryState) => number) => void
  /** At each load, and once a day, where there are any. Those that deny come first. */
  readonly onEnding: (rows: readonly EndingRow[], message: string) => void
}

export interface ExpiryWatch {
  /** The rows of the policy that is in force from now on. */
  readonly loaded: (policy: { readonly rows: readonly Row[] }) => void
  /** It keeps no process alive either way. */
  readonly stop: () => void
}

const [hourMs, dayMs] = [3_600_000, 86_400_000]

export function watchExpiry({ clock, warning, onCounted, onEnding }: ExpiryWatchOptions): ExpiryWatch {
  let ending: readonly ExpiringRow[] = []
  let saidAt = 0
  const say = (state: ExpiryState, now: number, message: string): void => {
    const found = ending.filter(expiring => stateOf(expiring, now, warning) === state)
    const denying = [...found].sort((one, other) => Number(other.row.isDeny) - Number(one.row.isDeny))
    const rows = denying.map(expiring => ({ rule: expiring.row.id, ...describeEnd(expiring, now) }))
    if (rows.length > 0) onEnding(rows, message)
  }
  const look = (): void => {
    const now = clock.now() / 1000
    onCounted((effect, state) => {
      const isCounted = (expiring: ExpiringRow): boolean =>
        expiring.row.effect === effect && stateOf(expiring, now, warning) === state
      return ending.filter(isCounted).length
    })
    // A clock that was set back does not end what is said each day.
    if (Math.abs(clock.now() - saidAt) < dayMs) return
    saidAt = clock.now()
    say('over', now, 'some rows are over and apply no more')
    say('soon', now, 'some rows end soon')
  }
  const timer = setInterval(look, hourMs).unref()
  return {
    loaded: ({ rows }) => {
      ending = expiringRows(rows)
      saidAt = Number.NEGATIVE_INFINITY
      look()
    },
    stop: () => clearInterval(timer),
  }
}
