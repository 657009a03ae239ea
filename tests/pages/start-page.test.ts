/** What the start page, its picture and the page after a log-out say, through the whole service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApplications, mostLookedAt } from '../../app/login/applications.ts'
import { anonymous } from '../../rbac/identity.ts'
import { startService, TestBrowser, type TestService } from '../service.ts'

const policy = `p, authenticated, wiki.example.com,    /**,     *,   -,    allow
p, anyone,        news.example.com,    /**,     read, -,    allow
p, role:ops,      payroll.example.com, /**,     *,   -,    allow
g, group:ops,     role:ops,            *
p, authenticated, closed.example.com,  /**,     *,   -,    allow
p, authenticated, closed.example.com,  /,       *,   odd,  deny
p, authenticated, path.example.com,    /home/**, *,  -,    allow
p, authenticated, old.example.com,     /**,     *,   -,    allow
p, authenticated, other.example.com,   /**,     *,   -,    allow
`
const conditions = `odd:
  header: { name: x-odd, present: true }
`
const logo = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1v1z"/></svg>'

describe('the start page', () => {
  let world: TestService
  beforeAll(async () => {
    world = await startService({
      policy,
      conditions,
      settings: { pages: { logo, name: 'Example Corp', contact: 'mailto:help@example.com' } },
      hosts: [
        { host: 'wiki.example.com', title: 'The wiki <b>' },
        { host: 'news.example.com', title: 'News' },
        { host: 'payroll.example.com', title: 'Payroll' },
        { host: 'closed.example.com', title: 'Closed by what is not known' },
        { host: 'path.example.com', title: 'With a path', startPath: '/home/?tab=1' },
        { host: 'nobody.example.com', title: 'Without a row' },
        { host: 'old.example.com', title: 'Wants a new login', maxAge: '60s' },
        { host: 'untitled.example.com' },
      ],
    })
  })
  afterAll(() => world?.close())

  const visit = async (browser: TestBrowser, path: string) => {
    const response = await browser.request(`${world.publicUrl}${path}`)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const loggedIn = async (person: 'alice' | 'bob') => {
    const browser = new TestBrowser()
    await world.logIn(person, 'https://wiki.example.com/', browser)
    return browser
  }
  const listed = (text: string) =>
    [...(/<nav class="list"[^>]*>(.*?)<\/nav>/s.exec(text)?.[1] ?? '').matchAll(/href="([^"]*)">([^<]*)</g)].map(
      ([, url, title]) => [url, title],
    )

  it('lists what a person may open now, and tells of nothing else (J138)', async () => {
    const port = new URL(world.publicUrl).port
    const at = (host: string, path = '/') => `${new URL(world.publicUrl).protocol}//${host}:${port}${path}`
    const alice = await visit(await loggedIn('alice'), '/')
    const ofEverybody = [
      [at('wiki.example.com'), 'The wiki &lt;b&gt;'],
      [at('news.example.com'), 'News'],
    ]
    const more = [
      [at('path.example.com', '/home/?tab=1'), 'With a path'],
      [at('old.example.com'), 'Wants a new login'],
    ]
    expect(listed(alice.text)).toEqual([...ofEverybody, [at('payroll.example.com'), 'Payroll'], ...more])
    const bob = await visit(await loggedIn('bob'), '/')
    expect(listed(bob.text)).toEqual([...ofEverybody, ...more])
    for (const word of ['ayroll', 'Closed', 'closed.', 'Without a row', 'nobody.', 'untitled']) {
      expect(bob.text).not.toContain(word)
    }
    const stranger = await visit(new TestBrowser(), '/')
    expect(listed(stranger.text)).toEqual([])
    expect(stranger.text).not.toContain('News')
  })

  it('follows the policy, and the limits of each host', async () => {
    const browser = await loggedIn('bob')
    expect((await visit(browser, '/')).text).toContain('Wants a new login')
    world.moveClock(120)
    const later = await visit(browser, '/')
    expect(later.text).not.toContain('Wants a new login')
    expect(later.text).toContain('The wiki')
  })

  it('has the picture of the operator, which does nothing where it is opened as a page (J136)', async () => {
    const { text, headers } = await visit(new TestBrowser(), '/')
    expect(text).toContain('<img src="/logo" alt="">')
    expect(text).toContain('Example Corp</title>')
    expect(headers.get('content-security-policy')).toContain("img-src 'self'")
    const picture = await visit(new TestBrowser(), '/logo')
    expect([picture.status, picture.text]).toEqual([200, logo])
    expect(picture.headers.get('content-type')).toContain('image/svg+xml')
    expect(picture.headers.get('x-content-type-options')).toBe('nosniff')
    expect(picture.headers.get('content-security-policy')).toMatch(/^default-src 'none';.* sandbox;/)
    expect(picture.headers.getSetCookie()).toEqual([])
  })

  it('a page that is not there leads to it', async () => {
    const { status, text } = await visit(new TestBrowser(), '/nowhere')
    expect([status, text]).toEqual([404, expect.stringMatching(/class="main" href="\/">To the start page</)])
    expect(text).toContain('href="mailto:help@example.com"')
  })

  it('the page after a log-out does not say so to somebody who is logged in', async () => {
    expect((await visit(new TestBrowser(), '/signed-out')).text).toContain('You are logged out')
    const { text } = await visit(await loggedIn('alice'), '/signed-out')
    expect(text).not.toContain('You are logged out')
    expect(text).toContain('You are still logged in')
    expect(text).toContain('alice@example.com')
  })
})

describe('a list of many', () => {
  it('looks at so many and no more, and says that there are others', async () => {
    let asked = 0
    const applications = Array.from({ length: 5000 }, (_, at) => ({
      title: `${at}`,
      request: { domain: `h${at}.example`, resource: '/', action: 'GET', url: `https://h${at}.example/` },
    }))
    const list = createApplications({
      applications,
      decide: () => {
        asked += 1
        return { effect: 'deny', reason: 'no-match' } as never
      },
      now: () => 0,
    })
    expect(await list(async () => anonymous, undefined)).toEqual({ list: [], hasMore: true })
    expect(asked).toBe(mostLookedAt)
  })
})
