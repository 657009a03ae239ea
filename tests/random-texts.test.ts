import { describe, expect, it } from 'vitest'
import { createRandomTexts } from '../app/random-texts.ts'

describe('random texts', () => {
  it('are as long as they should be, and never the same, over several fetches of bytes', () => {
    const newText = createRandomTexts(32, 'base64url')
    const texts = Array.from({ length: 1_000 }, newText)
    expect(new Set(texts).size).toBe(1_000)
    expect(texts.every(text => /^[\w-]{43}$/.test(text))).toBe(true)
  })

  it('use all of their bits', () => {
    const newText = createRandomTexts(16, 'hex')
    const seen = Array.from({ length: 32 }, () => new Set<string>())
    for (let count = 0; count < 1_000; count += 1)
      [...newText()].forEach((digit, place) => void seen[place]?.add(digit))
    expect(seen.map(digits => digits.size)).toEqual(seen.map(() => 16))
  })
})
