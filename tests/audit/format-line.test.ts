/** A line says what JSON would say of the listed fields, in printable characters, and remembers nothing that can change. */

import { describe, expect, it } from 'vitest'
import { createLineFormat } from '../../app/audit/format-line.ts'
import { fc } from '../properties.ts'
import { everyEvent } from './fixtures.ts'

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

describe('a formatted line', () => {
  it('reads back as the event, whatever its values are', () => {
    const format = createLineFormat()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
    const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/
    const text = fc.string({ unit: 'binary', maxLength: 12 })
    fc.assert(
      fc.property(text, text, fc.array(text, { maxLength: 3 }), fc.boolean(), (resource, email, groups, isFrozen) => {
        const event = {
          ...everyEvent['access.denied'],
          resource,
          email,
          groups: isFrozen ? Object.freeze(groups) : groups,
        }
        for (let time = 1; time <= 2; time += 1) {
          const line = format(event, at)
          expect(line.endsWith('}\n')).toBe(true)
          expect(line.slice(0, -1)).not.toMatch(unprintable)
          expect(JSON.parse(line)).toEqual({ v: 1, time: '2026-01-02T03:04:05.678Z', ...event })
        }
      }),
    )
  })

  it('has of a call to a cluster only what is listed, as it is by now', () => {
    const format = createLineFormat()
    const written = (kubernetes: object): unknown =>
      JSON.parse(format({ ...everyEvent['call.finished'], kubernetes } as never, at)).kubernetes
    const rules = ['kube.csv:2']
    const call = { token: 'secret', cluster: 'prod', name: 'a"\u2028b', apply: true, upgrade: undefined, rules }
    const { token: _, upgrade: __, ...listed } = call
    expect(written(call)).toEqual(listed)
    call.name = 'web-1'
    rules.push('kube.csv:3')
    expect(written(call)).toEqual({ ...listed, name: 'web-1', rules: ['kube.csv:2', 'kube.csv:3'] })
    expect(written({ token: 'secret' })).toEqual({})
  })

  it('sees a new moment', () => {
    const format = createLineFormat()
    expect(JSON.parse(format(everyEvent['access.allowed'], at)).time).toBe('2026-01-02T03:04:05.678Z')
    expect(JSON.parse(format(everyEvent['access.allowed'], at + 1)).time).toBe('2026-01-02T03:04:05.679Z')
  })

  it('is refused for an event of an unknown kind', () => {
    expect(() => createLineFormat()({ event: 'made.up' } as never, at)).toThrow('unknown kind')
  })
})
