/** How a person makes an application password on the page of sessions, and who cannot. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TestBrowser } from '../service.ts'
import { git, type PasswordsWorld, post, startPasswords, tokenOf, visit } from './world.ts'

let world: PasswordsWorld
let moved = 0
beforeAll(async () => {
  world = await startPasswords({
    settings: { passwords: { perPerson: 3, lifetime: '30d', maxLifetime: '60d', failuresPerMinute: 100_000 } },
  })
})
afterAll(() => world?.close())
afterEach(() => {
  world.moveClock(-moved)
  moved = 0
})
const move = (seconds: number): void => {
  moved += seconds
  world.moveClock(seconds)
}

async function browserOf(person: 'alice' | 'bob' | 'carol') {
  const browser = new TestBrowser()
  await world.logIn(person, `${git}/pages/`, browser)
  await post(world, browser, '/session/passwords/revoke-all', [])
  return browser
}
const wish: [string, string][] = [
  ['name', 'feed <reader>'],
  ['days', '30'],
  ['host', 'git.example.com'],
]
const put = (name: string, ...values: string[]): [string, string][] => [
  ...wish.filter(([known]) => known !== name),
  ...values.map((value): [string, string] => [name, value]),
]

describe('the page of sessions', () => {
  it('offers the hosts that take passwords of this person, and shows a new one once', async () => {
    const browser = await browserOf('alice')
    const before = await visit(world, browser)
    expect([...before.text.matchAll(/type="checkbox" name="host" value="([^"]+)"/g)].map(([, host]) => host)).toEqual([
      'git.example.com',
      'dav.example.com',
      'partners.example.com',
    ])
    expect(before.text).toContain('<input id="other" name="host"')
    expect(before.text).toContain('max="60" value="30"')
    const made = await post(world, browser, '/session/passwords', [
      ...wish,
      ['host', 'one.below.example.com'],
      ['host', ''],
    ])
    expect(made.status).toBe(200)
    expect(made.caching).toBe('no-store')
    const [text = '', handle = ''] = /sallyport_([a-z2-7]{16})_[a-z2-7]{48}/.exec(made.text) ?? []
    expect(made.text).toContain('<dt>User name<dd>alice@example.com')
    expect(made.text).toContain('<dt>For<dd>git.example.com, one.below.example.com')
    const after = (await visit(world, browser)).text
    expect(after).not.toContain(text)
    expect(after).toContain('<dt>Name<dd>feed &lt;reader&gt;')
    expect(after).toContain('<dt>Last used<dd>never')
    expect(after).toContain(`value="${handle}"`)
    for (const url of [`${git}/pages/a`, 'https://one.below.example.com/']) {
      expect((await world.use({ user: 'alice@example.com', text }, url)).status).toBe(200)
    }
    await expect
      .poll(async () => (await visit(world, browser)).text)
      .toMatch(/<dt>Last used<dd><time [^>]+>[^<]+<\/time> \(now\), from 203\.0\.113\.9</)
    const event = world.auditEvents().find(one => one.event === 'password.made' && one.handle === handle)
    expect(event).toMatchObject({
      subject: `${world.provider.issuer}#alice`,
      hosts: ['git.example.com', 'one.below.example.com'],
    })
    expect(JSON.stringify(world.auditEvents())).not.toContain(text.slice(-48))
  })

  it.each<readonly [string, [string, string][]]>([
    ['no name', put('name', ' ')],
    ['a name with a newline', put('name', 'a\nb')],
    ...['\u200b', '\u3164', '\ufe0f', '\u2800', 'a\u202egnp', 'a\u2066b', 'a\u200bb', 'a\u00adb', '\u0301'].map(
      (name): readonly [string, [string, string][]] => [
        `J77, a name that cannot be seen or is turned: ${JSON.stringify(name)}`,
        put('name', name),
      ],
    ),
    ['a long name', put('name', 'a'.repeat(65))],
    ['two names', put('name', 'a', 'b')],
    ['no host', put('host')],
    ['a host that takes none', put('host', 'git.example.com', 'wiki.example.com')],
    ['a host that is none', put('host', 'git.example.com/')],
    ['a pattern', put('host', '*.below.example.com')],
    ['a name below with a trick', put('host', 'a b.below.example.com')],
    ['a host of no policy', put('host', 'evil.example.net')],
    ['no end', put('days')],
    ['an end that is none', put('days', '1e3')],
    ['an end too late', put('days', '61')],
    ['an end in the past', put('days', '-1')],
  ])('J38 makes none for %s', async (_what, form) => {
    const browser = await browserOf('bob')
    const answer = await post(world, browser, '/session/passwords', form)
    expect(answer.status).toBe(400)
    expect((await visit(world, browser)).text).not.toContain('Revoke this password')
  })

  it('makes so many for a person, and no more', async () => {
    const browser = await browserOf('carol')
    for (const status of [200, 200, 200, 400]) {
      expect((await post(world, browser, '/session/passwords', wish)).status).toBe(status)
    }
  })

  it('J77 has no more of them when many are made at once', async () => {
    const browser = await browserOf('carol')
    const token = tokenOf((await visit(world, browser)).text)
    const body = new URLSearchParams([['token', token], ...wish] satisfies [string, string][]).toString()
    const send = () => browser.request(`${world.publicUrl}/session/passwords`, { method: 'POST', body })
    const answers = await Promise.all(Array.from({ length: 8 }, send))
    const made = answers.filter(({ status }) => status === 200).length
    const listed = (await visit(world, browser)).text.split('>Revoke this password<').length - 1
    expect(listed).toBe(made)
    expect(listed).toBeLessThanOrEqual(3)
  })

  it('J76 shows one that works behind any number that were revoked', async () => {
    const browser = await browserOf('carol')
    const hidden = await world.make('carol', { browser, days: '60', name: 'hidden' })
    for (let count = 0; count < 5; count += 1) {
      const { handle } = await world.make('carol', { browser, days: '1' })
      await post(world, browser, '/session/passwords/revoke', [['password', handle]])
    }
    expect((await visit(world, browser)).text).toContain(hidden.handle)
    const subject = encodeURIComponent(`${world.provider.issuer}#carol`)
    const answer = await fetch(`http://127.0.0.1:${world.adminPort}/passwords?subject=${subject}`)
    expect(await answer.json()).toMatchObject({ passwords: [{ handle: hidden.handle }], hasMore: false })
  })

  it('J42 makes none from a login of long ago, and leads to another one', async () => {
    const browser = await browserOf('bob')
    move(15 * 60 - 30)
    expect((await visit(world, browser)).text).toContain('Make a password')
    move(60)
    const { text } = await visit(world, browser)
    expect(text).not.toContain('Make a password')
    const [, link = ''] = /<a href="(\/login\?[^"]+)">Log in again to make one/.exec(text) ?? []
    expect(new URLSearchParams(link.replaceAll('&amp;', '&').split('?')[1]).get('max_age')).toBe('900')
    // Not even with a form that was shown before.
    const body = new URLSearchParams([['token', tokenOf(text)], ...wish] satisfies [string, string][]).toString()
    const answer = await browser.request(`${world.publicUrl}/session/passwords`, { method: 'POST', body })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/session'])
    expect((await visit(world, browser)).text).not.toContain('Revoke this password')
  })

  it.each(['/session/passwords', '/session/passwords/revoke', '/session/passwords/revoke-all'])(
    'J42 does nothing for a form of another site, or without its token: %s',
    async path => {
      const { browser, handle, ...given } = await world.make('alice', { browser: await browserOf('alice'), days: '30' })
      const own = tokenOf((await visit(world, browser)).text)
      const others = tokenOf((await visit(world, await browserOf('bob'))).text)
      const send = (token: string | undefined, headers: Record<string, string>) => {
        const fields = [...wish, ['password', handle], ...(token === undefined ? [] : [['token', token]])] as [
          string,
          string,
        ][]
        const body = new URLSearchParams(fields).toString()
        return browser.request(`${world.publicUrl}${path}`, { method: 'POST', body, headers })
      }
      for (const [token, headers] of [
        [own, { 'sec-fetch-site': 'cross-site' }],
        [own, { 'sec-fetch-site': 'same-site' }],
        [undefined, {}],
        ['', {}],
        [others, {}],
      ] as const) {
        expect((await send(token, headers)).status).toBe(403)
      }
      expect((await browser.request(`${world.publicUrl}${path}`)).status).toBe(404)
      expect((await world.use(given)).status).toBe(200)
      const nobody = await post(world, new TestBrowser(), path, wish)
      expect(nobody.text).not.toContain('sallyport_')
    },
  )
})

it('is as it was where no host takes passwords', async () => {
  const plain = await startPasswords({ hosts: [] })
  try {
    const browser = new TestBrowser()
    await plain.logIn('alice', `${git}/pages/`, browser)
    const { text } = await visit(plain, browser)
    expect(text).not.toContain('assword')
    expect((await post(plain, browser, '/session/passwords', wish)).status).toBe(404)
    const answer = await plain.use({ user: 'a', text: 'b' })
    expect([answer.status, answer.headers.has('www-authenticate')]).toEqual([401, false])
    const call = await fetch(`http://127.0.0.1:${plain.adminPort}/passwords?all=true`)
    expect(await call.json()).toMatchObject({
      passwords: [],
      note: expect.stringContaining('none of these lets anybody in'),
    })
  } finally {
    await plain.close()
  }
})
