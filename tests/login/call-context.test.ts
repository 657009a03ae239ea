/** What is known within a call of a provider's endpoint, and what it costs everybody else. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { createCallContext } from '../../app/login/provider/call-context.ts'

afterEach(() => void vi.restoreAllMocks())

test('each call knows its own value, also in calls at the same time and within each other', async () => {
  const context = createCallContext<string>()
  const seen = async (value: string) =>
    context.run(value, async () => {
      await delay(1)
      const inner = await context.run(`${value} inner`, async () => {
        await delay(1)
        return context.get()
      })
      return [inner, context.get()]
    })
  expect(await Promise.all(['a', 'b'].map(seen))).toEqual([
    ['a inner', 'a'],
    ['b inner', 'b'],
  ])
  expect(context.get()).toBeUndefined()
})

test('it is switched off when the last call has ended, well or not, and not before', async () => {
  const disable = vi.spyOn(AsyncLocalStorage.prototype, 'disable')
  const context = createCallContext<number>()
  let end = (): void => undefined
  const long = context.run(1, async () => {
    await new Promise<void>(resolve => {
      end = resolve
    })
    return context.get()
  })
  await expect(context.run(2, () => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer')
  expect(disable).not.toHaveBeenCalled()
  end()
  expect(await long).toBe(1)
  expect(disable).toHaveBeenCalledTimes(1)
})
