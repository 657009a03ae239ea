/** What is written comes back, short or long, in ASCII or not, also where something else stood before. */

import { expect, test } from 'vitest'
import { createDecisionTexts } from '../../app/admin/decision-texts.ts'
import { fc } from '../properties.ts'

const line = fc.string({ unit: 'grapheme', maxLength: 30 }).map(text => text.replaceAll('\n', ' '))
const texts = fc.record({
  requestId: line,
  domain: line,
  action: line,
  resource: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ minLength: 200, maxLength: 900 })),
})

/** More of them than wait to be encoded, and each often written over. */
const places = fc.oneof(fc.nat(50), fc.nat(600))

test('every place holds what was written to it last', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(places, texts), { maxLength: 200, size: 'max' }), written => {
      const kept = createDecisionTexts()
      const last = new Map<number, unknown>()
      for (const [place, text] of written) {
        kept.write(place, text)
        last.set(place, text)
      }
      for (const [place, text] of last) expect(kept.read(place)).toEqual(text)
    }),
    { numRuns: 50 },
  )
})

test('a place that was never written has nothing', () => {
  expect(() => createDecisionTexts().read(3)).toThrow(RangeError)
})
