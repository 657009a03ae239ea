import { describe, expect, it } from 'vitest'
import { createBackoff } from '../../app/workers/backoff.ts'

describe('the pause before a worker is replaced', () => {
  it('is none the first time, doubles to half a minute, and is none again after a minute of service', () => {
    let now = 0
    const backoff = createBackoff({ now: () => now })
    const pauses = Array.from({ length: 8 }, () => backoff.next(now))
    expect(pauses).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    const since = now
    now += 59_999
    expect(backoff.next(since)).toBe(30_000)
    now += 1
    expect(backoff.next(since)).toBe(0)
    expect(backoff.next(undefined)).toBe(1_000)
  })
})
