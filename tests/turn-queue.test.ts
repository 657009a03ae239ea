import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createTurnQueue } from '../app/listener/turn-queue.ts'

describe('what arrives in one turn', () => {
  it('is handled once, in order, when the turn ends', async () => {
    const handled: number[] = []
    const add = createTurnQueue((item: number) => void handled.push(item))
    for (let item = 0; item < 5; item += 1) add(item)
    await Promise.resolve()
    expect(handled).toEqual([])
    await nextTurn()
    expect(handled).toEqual([0, 1, 2, 3, 4])
    await nextTurn()
    expect(handled).toHaveLength(5)
  })

  it('is handled a turn later when it comes while others are, and none is lost', async () => {
    const handled: number[] = []
    const add = createTurnQueue((item: number) => {
      handled.push(item)
      if (item < 3) add(item + 10)
    })
    for (const item of [1, 2, 3]) add(item)
    await nextTurn()
    expect(handled).toEqual([1, 2, 3])
    await nextTurn()
    expect(handled).toEqual([1, 2, 3, 11, 12])
    add(20)
    await nextTurn()
    expect(handled).toEqual([1, 2, 3, 11, 12, 20])
  })
})
