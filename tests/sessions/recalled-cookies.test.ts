/** Cookies that were judged before: the quick way says what the slow one says, and nothing about any other host. */

import { describe, expect, test } from 'vitest'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { sessionDigestOf } from '../../app/sessions/records/seal.ts'
import { fc } from '../properties.ts'
import { secrets } from './fixtures.ts'

const wiki = 'wiki.example.com'
const shop = 'shop.example.com'
const name = '__Host-sallyport'
const ids = ['a', 'b', 'c'].map(letter => letter.repeat(43))
const cookies = createHostCookies({ secrets, isSecure: true })
const pair = (id: string, domain = wiki) => cookies.issueSession(id, domain).split(';')[0] ?? ''
const [first = ''] = ids

/** Cookies that are read each time, by taking the header apart. */
const withoutMemory = () => createHostCookies({ secrets, isSecure: true, memoryBytes: 1 })

const good = fc.constantFrom(...ids.flatMap(id => [pair(id), pair(id, shop)]))
const text = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '  ',
    '\t',
    '\u00a0',
    '"',
    '=',
    'a',
    'theme=dark',
    name,
    `${name}=`,
    `${name}x=1`,
    `x${name}=1`,
  ),
  fc.string({ maxLength: 12 }),
)
const part = fc.oneof(
  { weight: 4, arbitrary: good },
  { weight: 2, arbitrary: fc.tuple(text, good, text).map(parts => parts.join('')) },
  { weight: 1, arbitrary: good.map(cookie => cookie.slice(0, -1)) },
  { weight: 3, arbitrary: text },
)
const others = fc.array(text, { maxLength: 2 })
const amongOthers = fc.tuple(others, good, others).map(([before, cookie, after]) => [...before, cookie, ...after])
const header = fc
  .tuple(fc.oneof(fc.array(part, { maxLength: 5 }), amongOthers), fc.constantFrom(';', '; ', ';  ', ' ; ', ',', ''))
  .map(([parts, separator]) => parts.join(separator))

describe('a cookie that was judged before', () => {
  for (const id of ids) for (const domain of [wiki, shop]) cookies.read(pair(id, domain), domain)

  test('is judged the same way again, in every header and on every host', () => {
    let recalled = 0
    const check = (cookieHeader: string, domain: string) => {
      const cookie = cookies.recall(cookieHeader, domain)
      if (cookie === undefined) return
      recalled += 1
      const reading = withoutMemory().read(cookieHeader, domain)
      expect(reading).toEqual({ sessionIds: [cookie.sessionId], isGarbage: false })
      expect(cookie.bindingHash).toBe(cookies.bindingOf(cookie.sessionId, domain, cookieHeader))
      expect(cookie.sessionDigest).toBe(sessionDigestOf(cookie.sessionId))
    }
    fc.assert(fc.property(header, fc.constantFrom(wiki, shop, 'wiki.example.co', ''), check), { numRuns: 5000 })
    expect(recalled).toBeGreaterThan(200)
  })

  test('is found where browsers and proxies put it', () => {
    for (const usual of [pair(first), `a=b; ${pair(first)}`, `${pair(first)}; a=b`, `a=b;${pair(first)};c=d`]) {
      expect(cookies.recall(usual, wiki)?.sessionId, usual).toBe(first)
    }
  })

  test('F05 is not known on another host, though it is known on its own', () => {
    expect(cookies.recall(pair(first), wiki)).toBeDefined()
    for (const other of [shop, 'iki.example.com', `${wiki}.`, '', '16:wiki.example.com']) {
      expect(cookies.recall(pair(first), other), other).toBeUndefined()
    }
  })

  test('F01 is not known with any other character', () => {
    const value = pair(first)
    for (let position = 0; position < value.length; position += 1) {
      const changed = `${value.slice(0, position)}${value[position] === 'A' ? 'B' : 'A'}${value.slice(position + 1)}`
      expect(cookies.recall(changed, wiki), changed).toBeUndefined()
    }
  })

  test('is not remembered when it is worth nothing, nor when others of our name came with it', () => {
    const fresh = createHostCookies({ secrets, isSecure: true })
    fresh.read(`${pair(first)}x`, wiki)
    fresh.read(pair(first, shop), wiki)
    fresh.read(`${pair(first)}; ${pair(ids[1] ?? '')}`, wiki)
    for (const value of [`${pair(first)}x`, pair(first, shop), pair(first)]) {
      expect(fresh.recall(value, wiki)).toBeUndefined()
    }
  })

  test('is forgotten in favour of younger ones when memory is full', () => {
    const small = createHostCookies({ secrets, isSecure: true, memoryBytes: 64 * 1024 })
    const many = Array.from({ length: 1000 }, (_, index) => pair(String(index).padStart(43, 'x')))
    for (const cookie of many) small.read(cookie, wiki)
    const known = many.filter(cookie => small.recall(cookie, wiki) !== undefined)
    expect(known.length).toBeGreaterThan(20)
    expect(known.length).toBeLessThan(200)
    expect(small.recall(many.at(-1) ?? '', wiki)).toBeDefined()
  })
})

describe('what the upstream gets', () => {
  test('is what taking the header apart gives, in every header', () => {
    const nameOf = (one: string) => one.slice(0, one.includes('=') ? one.indexOf('=') : undefined).trim()
    const takenApart = (cookieHeader: string) => {
      if (!cookieHeader.includes(name)) return cookieHeader
      const kept = cookieHeader.split(';').filter(one => nameOf(one) !== name)
      // Joined by a comma, as some proxies join two lines of cookies: each goes by its own name.
      const apart = kept.map(one => one.split(',').filter(part => nameOf(part) !== name))
      return apart
        .map(parts => parts.join(','))
        .join(';')
        .trim()
    }
    const check = (cookieHeader: string) => {
      expect(cookies.strip(cookieHeader)).toBe(takenApart(cookieHeader))
    }
    fc.assert(fc.property(header, check), { numRuns: 5000 })
  })
})
