import { describe, expect, it, test } from 'vitest'
import { type Batch, createLineBuffer, type LineBuffer } from '../../app/audit/line-buffer.ts'
import { fc } from '../properties.ts'

const line = `${'x'.repeat(999)}\n`

/** As many lines as fill several batches, then all of the batches. */
function fillAndTake(buffer: LineBuffer): Batch[] {
  for (let count = 0; count < 1_500; count += 1) expect(buffer.append(line, Number.POSITIVE_INFINITY)).toBe(true)
  buffer.seal()
  const batches: Batch[] = []
  for (let batch = buffer.take(); batch !== undefined; batch = buffer.take()) batches.push(batch)
  return batches
}

describe('line buffer', () => {
  it('uses the memory of all batches of a busy moment again: what is let go makes the collector go through the heap', () => {
    const buffer = createLineBuffer()
    const first = fillAndTake(buffer)
    expect(first.length).toBeGreaterThan(4)
    const known = new Set(first.map(({ bytes }) => bytes.buffer))
    for (const batch of first) buffer.release(batch)
    const second = fillAndTake(buffer)
    const reused = second.filter(({ bytes }) => known.has(bytes.buffer))
    // The first of the second round was begun before anything was released.
    expect(reused.length).toBeGreaterThanOrEqual(second.length - 1)
  })

  it('keeps a bounded number of them', () => {
    const buffer = createLineBuffer()
    const rounds = [fillAndTake(buffer), fillAndTake(buffer), fillAndTake(buffer)].flat()
    const known = new Set(rounds.map(({ bytes }) => bytes.buffer))
    for (const batch of rounds) buffer.release(batch)
    const later = [fillAndTake(buffer), fillAndTake(buffer), fillAndTake(buffer)].flat()
    expect(later.filter(({ bytes }) => known.has(bytes.buffer)).length).toBeLessThanOrEqual(9)
  })

  it('never gives a batch that waits the memory of another', () => {
    const buffer = createLineBuffer()
    const batches = fillAndTake(buffer)
    expect(new Set(batches.map(({ bytes }) => bytes.buffer)).size).toBe(batches.length)
    expect(batches.reduce((sum, { lines }) => sum + lines, 0)).toBe(1_500)
    expect(Buffer.concat(batches.map(({ bytes }) => bytes)).toString()).toBe(line.repeat(1_500))
  })
})

/** Whatever the lines are made of, what was taken comes out once and in order, and never more than there was room for. */
test('every line that was taken comes out, in order and within the room', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.integer({ min: 1, max: 4 }).map(times => '否é'.repeat(times * 1_500)),
    fc.constant('x'.repeat(100_000)),
  )
  const step = fc.oneof({ weight: 8, arbitrary: text }, { weight: 1, arbitrary: fc.constant(undefined) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 10, max: 300_000 }), (steps, most) => {
      const buffer = createLineBuffer()
      const [taken, received]: [string[], Buffer[]] = [[], []]
      let waiting = 0
      for (const one of steps) {
        if (one === undefined) {
          buffer.seal()
          for (let batch = buffer.take(); batch !== undefined; batch = buffer.take()) {
            received.push(Buffer.from(batch.bytes))
            buffer.release(batch)
          }
          expect([buffer.pendingLines(), buffer.pendingBytes()]).toEqual([0, 0])
          waiting = 0
        } else if (buffer.append(`${one}\n`, most - buffer.pendingBytes())) {
          taken.push(`${one}\n`)
          waiting += Buffer.byteLength(`${one}\n`)
          expect(waiting).toBeLessThanOrEqual(most)
        } else {
          // Refused for its own size, not for that of a guess.
          expect(waiting + Buffer.byteLength(`${one}\n`)).toBeGreaterThan(most)
        }
      }
      buffer.seal()
      for (let batch = buffer.take(); batch !== undefined; batch = buffer.take())
        received.push(Buffer.from(batch.bytes))
      expect(Buffer.concat(received).toString()).toBe(taken.join(''))
    }),
    { numRuns: 60 },
  )
})
