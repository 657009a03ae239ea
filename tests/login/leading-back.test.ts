/** A login ends on the page that was asked for: with what stood behind `#`, and when it took too long. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loginPath, parseLoginParameters } from '../../app/login/parameters.ts'
import { requirePeer } from '../peers.ts'
import { type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, locationOf, nonceHash, publicUrl, type RelyingParty, startRelyingParty, wiki } from './relying-party.ts'

const document = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }
const start = `/login?handoff=${nonceHash}&rd=${encodeURIComponent(wiki)}`

let provider: MisbehavingProvider
let party: RelyingParty

beforeAll(async () => {
  provider = await startMisbehavingProvider()
  party = await startRelyingParty({ providers: [corp(provider.issuer)] })
  await party.providers.start()
})
afterAll(async () => {
  await party.close()
  await provider.close()
})

describe('what stands behind # in the browser', () => {
  test('is asked for by a page that runs one script, which its policy names by its hash', async () => {
    const page = await party.browser().get(start, document)
    expect(page.status).toBe(200)
    const scripts = [...page.text.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text ?? '')
    expect(scripts).toHaveLength(1)
    const hash = createHash('sha256')
      .update(scripts[0] ?? '')
      .digest('base64')
    expect(page.headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'sha256-${hash}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`,
    )
    expect(page.headers['cache-control']).toBe('no-store')
    expect(page.headers['set-cookie']).toBeUndefined()
  })

  test('leaves a way on for a browser without scripts, which is not asked again', async () => {
    const page = await party.browser().get(start, document)
    const [, url = ''] = /<noscript><meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(page.text) ?? []
    const next = await party.browser().get(url.replaceAll('&amp;', '&'), document)
    expect(locationOf(next)).toContain(`${provider.issuer}/`)
  })

  test('nothing is stored before the browser has answered', async () => {
    const before = party.attempts.records.size
    await party.browser().get(start, document)
    expect(party.attempts.records.size).toBe(before)
  })

  test.each([
    ['a program', {}],
    ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ['a script', { 'sec-fetch-dest': 'empty' }],
  ])('is not asked for from %s', async (_name, headers) => {
    expect(locationOf(await party.browser().get(start, headers))).toContain(`${provider.issuer}/`)
  })

  test.each(['/deep/link', '/a?b=c&d', 'section-2', "/app/(x:!t,y:'z')", '!/%C3%BC%20/x', 'a#b'])(
    'is behind the ticket after the login: #%s',
    async fragment => {
      const browser = party.browser()
      const url = `/login?fragment=${encodeURIComponent(fragment)}&${start.slice('/login?'.length)}`
      const asked = locationOf(await browser.get(url, document))
      expect(asked).not.toContain('deep')
      const location = locationOf(await browser.get(provider.answerTo(asked, {})))
      expect(location).toMatch(/^https:\/\/wiki\.example\.com\/\.sallyport\/handoff\?ticket=[\w-]{43}#/)
      expect(location.slice(location.indexOf('#') + 1)).toBe(fragment)
      const [ticket] = [...party.tickets.records.values()].slice(-1)
      expect(JSON.stringify(ticket?.value)).not.toContain('#')
    },
  )

  test.each([
    ['a line break', '%0d%0aSet-Cookie:%20a=b'],
    ['markup', '%3Cscript%3E'],
    ['a quote', '%22'],
    ['a space', 'a%20b'],
    ['a character beyond ASCII', '%C3%BC'],
    ['2 KB', 'a'.repeat(2048)],
    ['two of them', 'a&fragment=b'],
  ])('that no browser writes so is left out, and the login goes on: %s', async (_name, value) => {
    const browser = party.browser()
    const url = `/login?fragment=${value}&${start.slice('/login?'.length)}`
    const asked = locationOf(await browser.get(url, document))
    expect(locationOf(await browser.get(provider.answerTo(asked, {})))).not.toContain('#')
  })

  test('goes before an address that NGINX could not encode', () => {
    const raw = 'https://wiki.example.com/p?a=1&fragment=x'
    const parsed = parseLoginParameters(`fragment=y&rd=${raw}`)
    expect(parsed).toMatchObject({ rd: raw, fragment: 'y' })
    expect(parseLoginParameters(loginPath(parsed).slice('/login?'.length))).toEqual(parsed)
  })

  test('never leads to another host', async () => {
    const browser = party.browser()
    const url = `/login?fragment=${encodeURIComponent('//evil.example.org/')}&rd=https://evil.example.org/`
    const asked = locationOf(await browser.get(url, document))
    expect(locationOf(await browser.get(provider.answerTo(asked, {})))).toBe(`${publicUrl}/`)
  })
})

describe.each([undefined, 'lmdb', 'redis'] as const)('a login that took too long, kept in %s', keptIn => {
  const isAbsent = keptIn === 'redis' && requirePeer('redis-server') === undefined
  let slow: RelyingParty
  beforeAll(async () => {
    if (isAbsent) return
    slow = await startRelyingParty({ providers: [corp(provider.issuer)], keptIn })
    await slow.providers.start()
  })
  afterAll(async () => {
    await slow?.close()
  })

  test.skipIf(isAbsent)('is refused, and "Try again" leads to the page that was asked for', async () => {
    const browser = slow.browser()
    const asked = locationOf(await browser.get(`${start}&fragment=/deep`))
    slow.moveClock(11 * 60)
    const late = await browser.get(provider.answerTo(asked, {}))
    expect(late.status).toBe(403)
    const [, again = ''] = /class="main" href="([^"]+)">Try again/.exec(late.text) ?? []
    const anew = locationOf(await browser.get(again.replaceAll('&amp;', '&')))
    const location = locationOf(await browser.get(provider.answerTo(anew, {})))
    expect(location).toMatch(/^https:\/\/wiki\.example\.com\/\.sallyport\/handoff\?ticket=.*#\/deep$/)
  })

  test.skipIf(isAbsent)('leads there at once when another tab has logged in meanwhile', async () => {
    const browser = slow.browser()
    const asked = locationOf(await browser.get(start))
    slow.moveClock(11 * 60)
    const other = locationOf(await browser.get('/login'))
    await browser.get(provider.answerTo(other, {}))
    const late = locationOf(await browser.get(provider.answerTo(asked, {})))
    expect(locationOf(await browser.get(late))).toContain('https://wiki.example.com/.sallyport/handoff')
  })

  test.skipIf(isAbsent)('that was used says so on the page it ends on, and in the log', async () => {
    const browser = slow.browser()
    const callback = provider.answerTo(locationOf(await browser.get(start)), {})
    await browser.get(callback)
    expect(locationOf(await browser.get(callback))).toBe('/')
    expect((await browser.get('/')).text).toContain('This login was used before')
    expect(slow.log.at(-1)).toMatchObject({ fields: { reason: 'used' }, message: 'login does not lead back' })
  })
})
