/** The cookie of a whole domain: where it is sent, where it is believed, and that it is never taken for a host's. */

import { describe, expect, test } from 'vitest'
import { createDomainCookies } from '../../app/sessions/cookies/domain-cookie.ts'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { fc } from '../properties.ts'
import { secrets } from './fixtures.ts'

const cookieDomain = 'example.com'
const sid = `${'a'.repeat(42)}_`
const wiki = 'wiki.example.com'
const elsewhere = 'payroll.example.org'
const covered = ['example.com', wiki, 'a.b.c.example.com']
const foreign = [elsewhere, 'evilexample.com', 'example.com.evil.net', 'example.co', 'com', '', 'wiki.example.com.']

const hosts = createHostCookies({ secrets, isSecure: true })
const make = (domain = cookieDomain, own = secrets, memoryBytes = 4_194_304) =>
  createDomainCookies(createHostCookies({ secrets: own, isSecure: true, memoryBytes }), {
    secrets: own,
    cookieDomain: domain,
    isSecure: true,
    memoryBytes,
  })
const cookies = make()
const pairOf = (setCookie: string) => setCookie.split(';')[0] ?? ''
const domainPair = (id = sid) => pairOf(cookies.issueSession(id, wiki))
const hostPair = (id = sid, host = wiki) => pairOf(hosts.issueSession(id, host))
const valueIn = (pair: string) => pair.slice(pair.indexOf('=') + 1)
const nothing = { sessionIds: [], isGarbage: false }

describe('what is set', () => {
  test('is one cookie for the domain, on every host of it', () => {
    for (const host of covered) {
      const [pair, ...attributes] = cookies.issueSession(sid, host).split('; ')
      expect(pair).toMatch(/^__Secure-sallyport=d\.[\w-]{43}\.[\w-]{43}$/)
      expect(attributes.sort()).toEqual(['Domain=example.com', 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
      expect(pair).toBe(domainPair())
    }
  })

  test('is the cookie of one host everywhere else', () => {
    for (const host of foreign) expect(cookies.issueSession(sid, host)).toBe(hosts.issueSession(sid, host))
  })

  test('without https has another name than the cookie of a host', () => {
    const plainHosts = createHostCookies({ secrets, isSecure: false })
    const plain = createDomainCookies(plainHosts, { secrets, cookieDomain, isSecure: false })
    expect(plain.issueSession(sid, wiki)).toMatch(/^sallyport-domain=d\..*; Domain=example\.com; Path=\/; HttpOnly; Sa/)
    expect(plain.issueSession(sid, wiki)).not.toContain('Secure')
    const both = `${pairOf(plain.issueSession(sid, wiki))}; ${pairOf(plain.issuePending().setCookie)}`
    expect(plain.read(both, wiki)).toMatchObject({ sessionIds: [sid], pendingNonceHash: expect.any(String) })
    expect(plain.strip(`a=b; ${both}; c=d`)).toBe('a=b; c=d')
  })

  test('a pending cookie belongs to one host and goes by itself', () => {
    const { setCookie, nonceHash } = cookies.issuePending()
    expect(setCookie).toMatch(/^__Host-sallyport=n\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=3600$/)
    expect(cookies.read(pairOf(setCookie), wiki)).toEqual({ ...nothing, pendingNonceHash: nonceHash })
  })

  test('clearing takes the attributes of the cookie that is there', () => {
    expect(cookies.clear(wiki)).toContain('__Secure-sallyport=; Domain=example.com; Path=/;')
    expect(cookies.clear(elsewhere)).toBe(hosts.clear(elsewhere))
  })

  test('an id that could break out of the cookie is refused', () => {
    for (const id of ['', 'short', `${sid};`, `${sid}\r\n`]) {
      expect(() => cookies.issueSession(id, wiki)).toThrow(TypeError)
    }
  })
})

describe('what is believed', () => {
  test('the cookie of the domain on the domain and below it, and nowhere else', () => {
    for (const host of covered)
      expect(cookies.read(domainPair(), host), host).toEqual({ ...nothing, sessionIds: [sid] })
    for (const host of foreign) expect(cookies.read(domainPair(), host), host).toEqual(nothing)
  })

  test('a cookie of the host that was set before, and of that host alone', () => {
    expect(cookies.read(hostPair(), wiki).sessionIds).toEqual([sid])
    expect(cookies.read(hostPair(), 'shop.example.com').sessionIds).toEqual([])
    expect(cookies.read(hostPair(sid, elsewhere), elsewhere).sessionIds).toEqual([sid])
  })

  test('the domain first, where both are there', () => {
    const other = 'b'.repeat(43)
    expect(cookies.read(`${hostPair(other)}; ${domainPair()}`, wiki).sessionIds).toEqual([sid, other])
  })

  test('a MAC of a host never passes for one of the domain, whatever the domain is called, nor the other way round', () => {
    for (const host of [cookieDomain, wiki]) {
      const ofHost = valueIn(hostPair(sid, host))
      const ofDomain = valueIn(domainPair())
      const swaps = [
        `__Secure-sallyport=${ofHost}`,
        `__Secure-sallyport=${ofHost.replace(/^s/, 'd')}`,
        `__Host-sallyport=${ofDomain}`,
        `__Host-sallyport=${ofDomain.replace(/^d/, 's')}`,
      ]
      for (const swap of swaps) expect(cookies.read(swap, host).sessionIds, swap).toEqual([])
      for (const swap of swaps) expect(hosts.read(swap, host).sessionIds, swap).toEqual([])
    }
  })

  test('nothing that was made for another domain, a domain above or below included', () => {
    for (const other of ['example.org', 'wiki.example.com', 'com']) {
      const pair = pairOf(make(other).issueSession(sid, other))
      expect(pair).toContain('=d.')
      expect(cookies.read(pair, wiki).sessionIds, other).toEqual([])
    }
  })

  test('nothing that was changed, and a cookie of an older secret', () => {
    const pair = domainPair()
    for (const bad of [pair.slice(0, -1), `${pair}x`, pair.replace('d.a', 'd.b'), '__Secure-sallyport=']) {
      expect(cookies.read(bad, wiki)).toEqual({ sessionIds: [], isGarbage: true })
    }
    const [older = ''] = secrets
    expect(make(cookieDomain, ['a newer secret, 32 bytes and more of it', older]).read(pair, wiki).sessionIds).toEqual([
      sid,
    ])
    expect(make(cookieDomain, ['a newer secret, 32 bytes and more of it']).read(pair, wiki).sessionIds).toEqual([])
  })

  test('no pending cookie that a neighbour has set for the domain', () => {
    const nonce = valueIn(pairOf(hosts.issuePending().setCookie))
    expect(cookies.read(`__Secure-sallyport=${nonce}`, wiki)).toEqual({ sessionIds: [], isGarbage: true })
  })

  test('at most four of many that were planted', () => {
    const planted = Array.from({ length: 40 }, (_, index) => domainPair(String(index).padStart(43, 'x')))
    expect(cookies.read(planted.join('; '), wiki).sessionIds).toHaveLength(4)
  })
})

describe('a cookie that was judged before', () => {
  const ids = ['a', 'b'].map(letter => letter.repeat(43))
  const pending = pairOf(hosts.issuePending().setCookie)
  const good = fc.constantFrom(...ids.map(domainPair), ...ids.map(id => hostPair(id)), pending)
  const text = fc.oneof(
    fc.constantFrom('', ' ', 'a=b', '__Secure-sallyport', '__Host-sallyport =', '='),
    fc.string({ maxLength: 8 }),
  )
  const part = fc.oneof(
    { weight: 5, arbitrary: good },
    { weight: 1, arbitrary: fc.tuple(text, good, text).map(parts => parts.join('')) },
    { weight: 2, arbitrary: text },
  )
  const headers = fc
    .tuple(fc.array(part, { maxLength: 4 }), fc.constantFrom(';', '; ', ' ; '))
    .map(([all, by]) => all.join(by))

  test('is judged the same way again, in every header and on every host', () => {
    for (const id of ids) for (const host of [wiki, elsewhere]) cookies.read(domainPair(id), host)
    let recalled = 0
    const check = (header: string, host: string) => {
      const cookie = cookies.recall(header, host)
      if (cookie === undefined) return
      recalled += 1
      expect(make(cookieDomain, secrets, 1).read(header, host).sessionIds).toEqual([cookie.sessionId])
      expect(cookie.bindingHash).toBe(cookies.bindingOf(cookie.sessionId, host, header))
    }
    fc.assert(fc.property(headers, fc.constantFrom(wiki, elsewhere, 'evilexample.com'), check), { numRuns: 3000 })
    expect(recalled).toBeGreaterThan(40)
  })
})

test('the application sees neither of the two cookies', () => {
  expect(cookies.strip(`a=b; ${domainPair()}; ${hostPair()}; c=d`)).toBe('a=b; c=d')
  expect(cookies.strip(domainPair())).toBe('')
  expect(cookies.strip('a=b')).toBe('a=b')
})
