import { describe, expect, it } from 'vitest'
import { type Batch, createLineBuffer, type LineBuffer } from '../../app/audit/line-buffer.ts'

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
