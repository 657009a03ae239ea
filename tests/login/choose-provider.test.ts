/** Which provider a login goes to: by the host, by the link, by an e-mail address, or chosen on a page. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, locationOf, type RelyingParty, startRelyingParty } from './relying-party.ts'

const wiki = 'https://wiki.example.com/a'
const payroll = 'https://payroll.example.com/'
const shop = 'https://shop.example.com/'
const login = (rd: string, more = '') => `/login?${more}rd=${encodeURIComponent(rd)}`

let corpProvider: Awaited<ReturnType<typeof startMisbehavingProvider>>
let partners: typeof corpProvider
let party: RelyingParty

beforeAll(async () => {
  corpProvider = await startMisbehavingProvider()
  partners = await startMisbehavingProvider()
  party = await startRelyingParty({
    providers: [
      corp(corpProvider.issuer, { label: 'Corporate login', emailDomains: ['example.com', 'corp.example'] }),
      corp(partners.issuer, { name: 'partners', label: 'Partners', emailDomains: ['partner.example'] }),
      corp(partners.issuer, { name: 'guests', label: 'Guests' }),
    ],
    hosts: { 'payroll.example.com': ['corp'], 'shop.example.com': ['partners', 'guests'] },
  })
  await party.providers.start()
})

afterAll(async () => {
  await party.close()
  await Promise.all([corpProvider.close(), partners.close()])
})

/** Which provider the browser was sent to; the two of one issuer differ in the callback. */
const providerOf = (url: string) => /callback\/(\w+)$/.exec(new URL(url).searchParams.get('redirect_uri') ?? '')?.[1]
const links = (page: string) =>
  [...page.matchAll(/<a([^>]*) href="[^"]*provider=(\w+)[^"]*">/g)].map(([, , name]) => name)
const enter = (browser: ReturnType<RelyingParty['browser']>, path: string, email: string) =>
  browser.post(path, { email })

async function logIn(browser: ReturnType<RelyingParty['browser']>, start: string) {
  const url = locationOf(await browser.get(start))
  const name = providerOf(url)
  return browser.get((name === 'corp' ? corpProvider : partners).answerTo(url, {}))
}

describe('a host with providers of its own', () => {
  test('sends people to the only one without a page', async () => {
    expect(providerOf(locationOf(await party.browser().get(login(payroll))))).toBe('corp')
  })

  test('offers its own on the page, and no other', async () => {
    const page = await party.browser().get(login(shop))
    expect(page.status).toBe(200)
    expect(links(page.text)).toEqual(['partners', 'guests'])
  })

  test('is not got around by a link that names another one', async () => {
    expect(providerOf(locationOf(await party.browser().get(login(payroll, 'provider=guests&'))))).toBe('corp')
    expect((await party.browser().get(login(shop, 'provider=corp&'))).status).toBe(200)
  })

  test('is not got around by a session of another one: the person logs in again, and is then let through', async () => {
    const browser = party.browser()
    expect(locationOf(await logIn(browser, login(shop, 'provider=guests&')))).toBe(shop)
    const again = await browser.get(login(payroll))
    expect(providerOf(locationOf(again))).toBe('corp')
    expect(locationOf(await logIn(browser, login(payroll)))).toBe(payroll)
    // No loop: this session is one that the host takes.
    expect(locationOf(await browser.get(login(payroll)))).toBe(payroll)
    expect(locationOf(await browser.get(login(payroll, 'provider=guests&')))).toBe(payroll)
  })

  test('leaves other hosts to everybody', async () => {
    const browser = party.browser()
    await logIn(browser, login(shop, 'provider=guests&'))
    expect(locationOf(await browser.get(login(wiki)))).toBe(wiki)
    expect(links((await party.browser().get(login(wiki))).text)).toEqual(['corp', 'partners', 'guests'])
  })

  test('is found by the canonical name of where the login returns to', async () => {
    const start = login('https://PAYROLL.example.com:443/x', 'provider=guests&')
    expect(providerOf(locationOf(await party.browser().get(start)))).toBe('corp')
  })
})

test('a name that does not exist is refused as unknown', async () => {
  expect((await party.browser().get(login(payroll, 'provider=nobody&'))).status).toBe(404)
})

describe('an e-mail address', () => {
  test.each([
    ['alice@example.com', 'corp'],
    ['Alice@EXAMPLE.com', 'corp'],
    ['bob@partner.example', 'partners'],
  ])('%s leads on to %s, which is told whom to expect', async (email, name) => {
    const browser = party.browser()
    const answer = await enter(browser, login(wiki, 'max_age=60&'), email)
    expect(answer.status).toBe(200)
    const [, next = ''] = /^0; url=(\/login\?\S+)$/.exec(answer.headers.refresh ?? '') ?? []
    expect(answer.text).toContain(`href="${next.replaceAll('&', '&amp;')}"`)
    const url = new URL(locationOf(await browser.get(next)))
    expect(providerOf(url.href)).toBe(name)
    expect(url.searchParams.get('login_hint')).toBe(email.replace('EXAMPLE', 'example'))
    expect(url.searchParams.get('max_age')).toBe('60')
    expect(party.attempts.records.get(url.searchParams.get('state') ?? '')?.value.returnTo).toBe(wiki)
  })

  test('that is unknown, of a domain below, or none at all gets one and the same answer', async () => {
    const answers = await Promise.all(
      [
        'a@nowhere.example',
        'a@sub.example.com',
        'a@example.com.evil.example',
        'a@b@example.com',
        'example.com',
        '',
      ].map(email => enter(party.browser(), login(wiki), email)),
    )
    // But for the address, which stays in the field.
    const without = (text: string) => text.replace(/ value="[^"]*@?[^"]*"(?= aria-invalid)/, '')
    const [first] = answers
    for (const { status, text, headers } of answers) {
      expect([status, without(text), headers.refresh]).toEqual([200, without(first?.text ?? ''), undefined])
    }
    expect(first?.text).toContain(' value="a@nowhere.example" aria-invalid="true"')
    expect(first?.text).toContain('This address belongs to no login here')
    expect(links(first?.text ?? '')).toEqual(['corp', 'partners', 'guests'])
  })

  test('of a domain whose provider the host does not have leads nowhere', async () => {
    const answer = await enter(party.browser(), login(shop), 'alice@example.com')
    expect(answer.headers.refresh).toBeUndefined()
    expect(answer.text).toContain('This address belongs to no login here')
  })

  test('is never shown and never logged, and markup in it stays away from the page', async () => {
    const before = [party.log.length, party.events.length]
    const answer = await enter(party.browser(), login(wiki), '"><script>@example.com')
    expect(answer.text).not.toContain('<script>')
    await enter(party.browser(), login(wiki), 'alice@example.com')
    expect([party.log.slice(before[0]), party.events.slice(before[1])]).toEqual([[], []])
  })

  test.each(['a', 'a@b@example.com', 'a@example.com%0d%0aX: 1', '%3Cscript%3E@example.com'])(
    'as a hint in a link has to be one (%s)',
    async hint => {
      expect((await party.browser().get(login(wiki, `provider=corp&login_hint=${hint}&`))).status).toBe(400)
    },
  )

  test('is not asked for where no provider has domains', async () => {
    const page = await party.browser().get(login(shop).replace('shop', 'wiki'))
    expect(page.text).toContain('type="email"')
    const plain = await startRelyingParty({
      providers: [corp(partners.issuer), corp(partners.issuer, { name: 'guests' })],
    })
    try {
      expect((await plain.browser().get(login(wiki))).text).not.toContain('type="email"')
    } finally {
      await plain.close()
    }
  })
})

describe('the last choice', () => {
  const firstLink = (page: string) => /<a[^>]*>/.exec(page)?.[0]

  test('is remembered after a login, goes first and has the focus', async () => {
    const browser = party.browser()
    expect(firstLink((await browser.get(login(wiki))).text)).not.toContain('autofocus')
    const answer = await logIn(browser, login(wiki, 'provider=guests&'))
    const [cookie] = (answer.headers['set-cookie'] as unknown as string[]).filter(line => line.includes('provider='))
    expect(cookie).toMatch(
      /^__Host-sallyport-provider=guests; Max-Age=31536000; Path=\/;.* HttpOnly; Secure; SameSite=Lax$/,
    )
    const page = await browser.get(login(wiki, 'prompt=login&'))
    expect(links(page.text)).toEqual(['guests', 'corp', 'partners'])
    expect(firstLink(page.text)).toContain('autofocus')
  })

  test('is not remembered by a link that was only followed, nor by a login that failed', async () => {
    const browser = party.browser()
    const url = locationOf(await browser.get(login(wiki, 'provider=guests&')))
    await browser.get(partners.answerTo(url, { claims: { sub: undefined } }))
    expect(await browser.cookies()).not.toHaveProperty('__Host-sallyport-provider')
  })

  test.each(['nobody', '"><script>', 'corp; x', ''])('of %j changes nothing', async value => {
    const cookie = `__Host-sallyport-provider=${value}`
    const page = await party.browser().get(login(wiki), { cookie })
    expect(page.status).toBe(200)
    expect(page.text).not.toContain('<script>')
    if (value !== 'corp; x') expect(links(page.text)).toEqual(['corp', 'partners', 'guests'])
  })

  test('never decides by itself: the page is still shown', async () => {
    const cookie = '__Host-sallyport-provider=guests'
    expect((await party.browser().get(login(wiki), { cookie })).status).toBe(200)
    expect(links((await party.browser().get(login(shop), { cookie: '__Host-sallyport-provider=corp' })).text)).toEqual([
      'partners',
      'guests',
    ])
  })
})
