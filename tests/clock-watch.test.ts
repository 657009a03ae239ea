/** A clock that jumps is noticed; one that runs, or is slewed, is not. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { watchClock } from '../app/clock-watch.ts'

describe('a clock that is watched', () => {
  let wall = 1_800_000_000_000
  let passed = 0
  let jumps: number[]
  let stop: () => void
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    jumps = []
    stop = watchClock({ clock: { now: () => wall }, elapsed: () => passed, onJump: seconds => jumps.push(seconds) })
  })
  afterEach(() => {
    stop()
    vi.useRealTimers()
  })

  /** A second passes, by which the wall clock moves differently. */
  function tick(wallMs: number): void {
    passed += 1000
    wall += wallMs
    vi.advanceTimersByTime(1000)
  }

  it('is left alone while it runs, and while it is slewed', () => {
    for (let second = 0; second < 3600; second += 1) tick(second % 2 === 0 ? 1100 : 850)
    expect(jumps).toEqual([])
  })

  it.each([
    ['set back', 1000 - 3_600_000, [-3600]],
    ['set forward', 1000 + 86_400_000, [86_400]],
    ['set by half a minute', 1000 - 30_000, [-30]],
    ['set by less', 1000 - 29_999, []],
  ])('that is %s is noticed once', (_, move, expected) => {
    tick(1000)
    tick(move)
    for (let second = 0; second < 10; second += 1) tick(1000)
    expect(jumps).toEqual(expected)
  })

  it('is not watched any more once that is stopped', () => {
    stop()
    tick(3_600_000)
    expect(jumps).toEqual([])
  })
})
