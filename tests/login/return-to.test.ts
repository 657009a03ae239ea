import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createReturnToGuard } from '../../app/login/return/return-to.ts'
import { fc } from '../properties.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import {
  type Browser,
  corp,
  locationOf,
  publicUrl,
  type RelyingParty,
  startRelyingParty,
  wiki,
} from './relying-party.ts'

const data = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')
const payloadFile = join(data, 'web/openredirects.txt')
const hasPayloads = existsSync(payloadFile)
if (!hasPayloads) process.stderr.write(`skipped: ${payloadFile} is absent (set SALLYPORT_TEST_DATA)\n`)

const domains = ['wiki.example.com', '*.apps.example.com', 'www.whitelisteddomain.tld', '*', 'console', 'kube:prod']
const judge = createReturnToGuard({
  publicUrl,
  allowedDomains: () => domains,
  named: ['extra.example.net'],
  tickets: host => (host.endsWith('.apps.example.com') ? true : undefined),
})
const guard = (raw: unknown) => judge(raw).url
const allowedHosts =
  /^(?:wiki\.example\.com|.+\.apps\.example\.com|extra\.example\.net|auth\.example\.com|www\.whitelisteddomain\.tld)$/

describe('a login may return to', () => {
  test.each([
    ['https://wiki.example.com/a?b=1', 'https://wiki.example.com/a?b=1'],
    ['https://wiki.example.com', 'https://wiki.example.com/'],
    ['https://WIKI.example.com./a', 'https://wiki.example.com/a'],
    ['https://wiki.example.com:443/', 'https://wiki.example.com/'],
    ['https://wiki.example.com:8443/a', 'https://wiki.example.com:8443/a'],
    ['https://one.apps.example.com/', 'https://one.apps.example.com/'],
    ['https://two.one.apps.example.com/', 'https://two.one.apps.example.com/'],
    ['https://extra.example.net/', 'https://extra.example.net/'],
    ['https://auth.example.com/', 'https://auth.example.com/'],
    [
      'https://wiki.example.com/?next=https://evil.example.net/',
      'https://wiki.example.com/?next=https://evil.example.net/',
    ],
  ])('%s (also E06)', (raw, expected) => expect(guard(raw)).toBe(expected))

  test('the port of the public URL, where that is not the default', () => {
    const judgeLocal = createReturnToGuard({
      publicUrl: 'http://auth.localhost:9180',
      allowedDomains: () => ['*.localhost'],
      tickets: () => true,
    })
    const local = (raw: string) => judgeLocal(raw).url
    expect(local('http://wiki.localhost:9180/')).toBe('http://wiki.localhost:9180/')
    expect(local('http://wiki.localhost/')).toBe('http://wiki.localhost/')
    expect(local('https://wiki.localhost/')).toBe('https://wiki.localhost/')
    expect(local('http://wiki.localhost:9181/')).toBeUndefined()
    expect(local('http://auth.localhost/')).toBeUndefined()
  })

  test('hosts of the policy in force now, not of the one at the start', () => {
    let current: readonly string[] = []
    const changing = createReturnToGuard({ publicUrl, allowedDomains: () => current })
    expect(changing(wiki).url).toBeUndefined()
    current = ['wiki.example.com']
    expect(changing(wiki).url).toBe(wiki)
  })
})

describe('a login may not return to', () => {
  test.each([
    ['E02: a backslash', '/\\evil.com'],
    ['E02: a tab', '/\t/evil.com'],
    ['E02: no scheme', '//evil.com'],
    ['E02: no slashes', 'https:evil.com'],
    ['E02: one slash', 'https:/wiki.example.com/'],
    ['E02: three slashes', 'https:///wiki.example.com/'],
    ['E02: a backslash in the authority', 'https://evil.com\\@wiki.example.com/'],
    ['E02: a backslash after the host', 'https://wiki.example.com\\.evil.com/'],
    ['E03: a suffix', 'https://wiki.example.com.evil.tld/'],
    ['E03: a prefix', 'https://evilwiki.example.com/'],
    ['E03: the text of a wildcard without its dot', 'https://evilapps.example.com/'],
    ['E03: the apex of a wildcard', 'https://apps.example.com/'],
    ['E03: userinfo', 'https://wiki.example.com@evil.com/'],
    ['E03: userinfo before a good host', 'https://evil.com@wiki.example.com/'],
    ['E03: a password', 'https://a:b@wiki.example.com/'],
    ['E03: a fragment for a host', 'https://evil.com#wiki.example.com/'],
    ['E03: a query for a host', 'https://evil.com?wiki.example.com/'],
    ['E03: another port below a wildcard', 'https://one.apps.example.com:8443/'],
    ['E03: another port of the auth host', 'https://auth.example.com:8443/'],
    ['E03: a port that is none', 'https://wiki.example.com:443@evil.com/'],
    ['E03: an encoded dot', 'https://wiki%2eexample.com/'],
    ['E03: a fullwidth letter', 'https://ｗiki.example.com/'],
    ['E03: an address', 'https://127.0.0.1/'],
    ['a host that only `*` would cover', 'https://evil.com/'],
    ['the console', 'https://console/'],
    ['E04: the login', `${publicUrl}/login`],
    ['E04: the login, with a query', `${publicUrl}/login?rd=x`],
    ['E04: the login, in disguise', `${publicUrl}/a/../%6cogin`],
    ['E04: a callback', `${publicUrl}/callback/corp?code=x`],
    ['E04: the log-out', `${publicUrl}//logout`],
    ['E08: http', 'http://wiki.example.com/'],
    ['E09: a script', 'javascript:alert(1)//https://wiki.example.com/'],
    ['E09: a script after a line break', 'java%0ascript:alert(1)'],
    ['E09: data', 'data:text/html,<script>alert(1)</script>'],
    ['E09: vbscript', 'vbscript:msgbox(1)'],
    ['a scheme in capitals', 'HTTPS://wiki.example.com/'],
    ['a line break', 'https://wiki.example.com/\r\nSet-Cookie: a=b'],
    ['a space in front', ' https://wiki.example.com/'],
    ['a name that is no Punycode', 'http://xn--a/'],
    ['a name that is no Punycode, below a wildcard', 'https://xn--a.apps.example.com/'],
    ['a name with dashes where Punycode has its mark', 'https://ab--c.xn--zz.apps.example.com/'],
    ['E05: 20 KB', `https://wiki.example.com/${'a'.repeat(20_000)}`],
    ['E05: a list', ['https://wiki.example.com/']],
    ['E05: an object', { href: 'https://wiki.example.com/' }],
    ['nothing', undefined],
    ['an empty text', ''],
  ])('%s', (_name, raw) => expect(guard(raw)).toBeUndefined())
})

test('whatever host an address names, the guard answers and does not throw', () => {
  const label = fc.oneof(
    fc.stringMatching(/^[a-z0-9-]{1,12}$/),
    fc.stringMatching(/^xn--[a-z0-9-]{0,12}$/),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  const host = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => [...labels, 'apps.example.com'].join('.'))
  const address = fc.tuple(host, fc.webPath()).map(([name, path]) => `https://${name}${path}`)
  fc.assert(
    fc.property(fc.oneof(address, fc.webUrl(), fc.string({ unit: 'binary' })), raw => {
      const found = guard(raw)
      if (found !== undefined) expect(new URL(found).hostname).toMatch(allowedHosts)
    }),
    { numRuns: 2000 },
  )
})

describe.runIf(hasPayloads)('E01: the list of open-redirect payloads', () => {
  const payloads = hasPayloads ? readFileSync(payloadFile, 'utf8').split('\n') : []
  const decoded = payloads.map(payload => {
    try {
      return decodeURIComponent(payload)
    } catch {
      return payload
    }
  })
  const all = [...payloads, ...decoded, ...payloads.map(payload => `https://wiki.example.com${payload}`)]

  test('never leaves the allowed hosts, for any parser', () => {
    expect(payloads.length).toBeGreaterThan(500)
    const taken = all.flatMap(payload => guard(payload) ?? [])
    for (const url of taken) {
      const { hostname, protocol, username, password } = new URL(url)
      expect([protocol, username, password], url).toEqual(['https:', '', ''])
      expect(hostname, url).toMatch(allowedHosts)
      expect(guard(url)).toBe(url)
    }
    expect(taken.length).toBeGreaterThan(0)
  })
})

describe('over HTTP', () => {
  let provider: Awaited<ReturnType<typeof startMisbehavingProvider>>
  let party: RelyingParty
  let alice: Browser

  beforeAll(async () => {
    provider = await startMisbehavingProvider()
    party = await startRelyingParty({ providers: [corp(provider.issuer)] })
    await party.providers.start()
    alice = party.browser()
    await alice.get(provider.answerTo(locationOf(await alice.get('/login')), {}))
  })

  afterAll(async () => {
    await party.close()
    await provider.close()
  })

  const home = `${publicUrl}/`

  test.runIf(hasPayloads)(
    'E01: every payload, encoded and raw, ends on an allowed host',
    async () => {
      const queries = readFileSync(payloadFile, 'utf8')
        .split('\n')
        .flatMap(payload => [
          `rd=${encodeURIComponent(payload)}`,
          `rd=${payload.replace(/[^\x21-\x7e]|[#"<>\\^`{|}]/g, encodeURIComponent)}`,
        ])
      const batches = Array.from({ length: Math.ceil(queries.length / 40) }, (_, index) =>
        queries.slice(index * 40, index * 40 + 40),
      )
      for (const batch of batches) {
        const responses = await Promise.all(batch.map(query => alice.get(`/login?${query}`)))
        for (const [index, response] of responses.entries()) {
          expect(new URL(locationOf(response)).hostname, batch[index]).toMatch(/(^|\.)example\.com$/)
        }
      }
    },
    60_000,
  )

  test.each([
    ['a repeated one', `rd=${encodeURIComponent(wiki)}&rd=${encodeURIComponent(wiki)}`],
    ['a list', `rd[]=${encodeURIComponent(wiki)}`],
    ['an object', `rd[x]=${encodeURIComponent(wiki)}`],
    ['20 KB', `rd=${encodeURIComponent(`${wiki}${'a'.repeat(12_000)}`)}`],
    ['none', ''],
    ['invalid UTF-8', 'rd=%ff%fe'],
    ['a foreign host', 'rd=https://evil.example.net/'],
  ])('E05: %s leads home', async (_name, query) => {
    expect(locationOf(await alice.get(`/login?${query}`))).toBe(home)
  })

  test('a refused one takes no handoff with it', async () => {
    const before = party.tickets.records.size
    expect(locationOf(await alice.get(`/login?handoff=${'n'.repeat(43)}&rd=https://evil.example.net/`))).toBe(home)
    expect(party.tickets.records.size).toBe(before)
  })
})
