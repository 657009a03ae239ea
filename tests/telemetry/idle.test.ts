/** What wakes a service that nobody asks. Counted, because times are those of the machine. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { spawnService, untilListening } from '../lifecycle/process.ts'

const record = fileURLToPath(new URL('./timer-record.cjs', import.meta.url))

describe('an idle service', () => {
  test('is woken by no timer of less than a tenth of a second, and by none of its own of less than one', async () => {
    const service = await spawnService({ policy: '', env: { NODE_OPTIONS: `--require ${record}` } })
    const timers = () =>
      [...service.stderr().matchAll(/^timer (\w+) ([\d.]+)$/gm)].map(([, kind = '', ms]) => ({ kind, ms: Number(ms) }))
    const seconds = () => timers().filter(({ kind }) => kind === 'second').length
    try {
      await untilListening(service)
      const monitors = timers().filter(({ kind }) => kind === 'monitor')
      expect(monitors).toHaveLength(1)
      for (const { ms } of monitors) expect(ms).toBeGreaterThanOrEqual(100)
      const intervals = timers().filter(({ kind }) => kind === 'setInterval')
      expect(intervals.length).toBeGreaterThan(1)
      expect(intervals.filter(({ ms }) => ms < 1_000)).toEqual([])

      // What the start and the question itself have begun is over by the first second; what renews itself is seen until the third.
      const start = seconds()
      await vi.waitFor(() => expect(seconds()).toBeGreaterThan(start), { timeout: 60_000 })
      const before = timers().length
      await vi.waitFor(() => expect(seconds()).toBeGreaterThan(start + 2), { timeout: 60_000 })
      const made = timers().slice(before)
      expect(made.filter(({ kind, ms }) => kind !== 'second' && ms < 1_000)).toEqual([])
    } finally {
      await service.stop()
    }
  })
})
