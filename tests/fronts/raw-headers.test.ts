/** One pass over the headers finds what a look for each of them finds, however names are spelled and however often they come. */

import { describe, expect, it } from 'vitest'
import { createHeaderReader } from '../../app/fronts/raw-headers.ts'
import { fc } from '../properties.ts'

const names = ['cookie', 'x-forwarded-host', 'x-original-url', 'x-original-method', 'origin', 'accept'] as const
const readHeaders = createHeaderReader(names)
const strangers = [
  'Sec-Fetch-Site',
  'X-Forwarded-Hosu',
  'X_Forwarded_Host',
  'cookid',
  'dookie',
  'Accept-Language',
  'Ákzept',
]

const spelled = fc
  .constantFrom(...names, ...strangers)
  .chain(name => fc.constantFrom(name, name.toUpperCase(), name.toLowerCase(), name[0]?.toUpperCase() + name.slice(1)))
const headerLists = fc.array(fc.tuple(spelled, fc.string({ maxLength: 4 })), { maxLength: 12 })

const expected = (list: readonly (readonly [string, string])[], name: string): string[] =>
  list.filter(([candidate]) => candidate.toLowerCase() === name).map(([, value]) => value)

describe('the headers of a subrequest', () => {
  it('are found by name without regard to case, all of them, in order', () => {
    fc.assert(
      fc.property(headerLists, list => {
        const headers = readHeaders(list.flat())
        for (const name of names) {
          expect(headers.all(name)).toEqual(expected(list, name))
          expect(headers.first(name)).toBe(expected(list, name)[0])
          expect(headers.any(name)).toBe(expected(list, name)[0])
          expect(headers.only(name)).toBe(expected(list, name).length === 1 ? expected(list, name)[0] : undefined)
        }
        expect(headers.any('sec-fetch-site')).toBe(expected(list, 'sec-fetch-site')[0])
      }),
    )
  })

  it('D01 are required once: a header that is missing, empty or repeated is none', () => {
    fc.assert(
      fc.property(headerLists, list => {
        const headers = readHeaders(list.flat())
        for (const name of names) {
          const values = expected(list, name)
          const isOne = values.length === 1 && values[0] !== ''
          if (isOne) expect(headers.required(name)).toBe(values[0])
          else expect(() => headers.required(name)).toThrow(name)
        }
      }),
    )
  })

  it('D01 repeated with an empty first value are repeated all the same', () => {
    expect(() =>
      readHeaders(['X-Forwarded-Host', '', 'X-Forwarded-Host', 'wiki.example.com']).required('x-forwarded-host'),
    ).toThrow()
    expect(readHeaders(['Cookie', '', 'Cookie', 'a=1']).all('cookie')).toEqual(['', 'a=1'])
  })

  it('are at most as many as a mask has bits for, each once and in lower case: else nothing starts', () => {
    const many = Array.from({ length: 31 }, (_, at) => `x-${at}`)
    const raw = many.flatMap(name => [name, 'a', name, 'b'])
    const headers = createHeaderReader(many)(raw)
    for (const name of many) expect(headers.all(name)).toEqual(['a', 'b'])
    const last = createHeaderReader(many)(['x-30', 'a', 'x-30', 'b', 'x-0', 'c'])
    expect(last.required('x-0')).toBe('c')
    expect(() => last.required('x-30')).toThrow('repeated')
    expect(() => createHeaderReader([...many, 'x-31'])).toThrow('at most 31')
    expect(() => createHeaderReader(['cookie', 'cookie'])).toThrow('each once')
    expect(() => createHeaderReader(['Cookie'])).toThrow('lower case')
  })
})
