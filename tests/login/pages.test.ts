import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createPages } from '../../app/pages/create-pages.ts'
import { cut, escapeHtml, html } from '../../app/pages/html.ts'
import type { Page } from '../../app/pages/pages.ts'
import { pageScripts } from '../../app/pages/scripts.ts'

/** With everything that takes room. */
const branding = { contact: `https://help.example.com/${'x'.repeat(175)}`, colour: '#1f5fd0', name: 'x'.repeat(64) }
const english = createPages(branding)
const german = createPages({ ...branding, language: 'de' })
const pages = createPages()
const hostile = `"><script>alert(1)</script>'&\u0000\n`
const long = 'https://wiki.example.com/'

const all = (text: string, pages = createPages()): Readonly<Record<string, Page>> => ({
  denied: pages.denied({
    who: text,
    method: text,
    url: `${long}${text}`,
    requestId: text,
    switchAccountUrl: `https://auth.example.com/login?prompt=login&rd=${encodeURIComponent(text)}`,
    logoutUrl: 'https://auth.example.com/logout',
  }),
  error: pages.error({
    status: 403,
    sentence: text,
    requestId: text,
    // Of the auth host alone: what answers a check has none.
    retryUrl: `/login?rd=${encodeURIComponent(text.slice(0, 70))}`,
  }),
  noReturn: pages.welcome({
    ...{ who: text, loginUrl: '/login', logoutUrl: '/logout' },
    notice: { sentence: text, link: `https://wiki.example.com/${encodeURIComponent(text.slice(0, 50))}` },
  }),
  welcome: pages.welcome({ who: text, loginUrl: '/login', logoutUrl: '/logout' }),
  stranger: pages.welcome({ loginUrl: '/login', logoutUrl: '/logout' }),
  confirmLogout: pages.confirmLogout({
    who: text,
    action: '/logout',
    csrfToken: 'x'.repeat(43),
  }),
  signedOut: pages.signedOut({ loginUrl: '/login' }),
  stillLoggedIn: pages.signedOut({ loginUrl: '/login', who: text }),
  unsentForm: pages.unsentForm({
    ...{ method: text, url: `${long}${text}`, requestId: text },
    loginUrl: `https://auth.example.com/login?rd=${encodeURIComponent(text)}`,
  }),
  sessionOverview: pages.sessionOverview({
    ...{ now: 0, who: text, provider: text, groups: [text], startedAt: 0, verifiedAt: 0, csrfToken: 'x'.repeat(43) },
    others: [{ handle: 'h'.repeat(16), startedAt: 0, endsAt: 0, idleUntil: 0, userAgent: text, hosts: [] }],
  }),
  chooseProvider: pages.chooseProvider({ providers: [{ name: 'corp', label: text, url: '/login?provider=corp' }] }),
  chooseByEmail: pages.chooseProvider({
    providers: [{ name: 'corp', label: text, url: '/login?provider=corp', isRemembered: true }],
    emailForm: { action: '/login', isUnknown: true },
  }),
  continueTo: pages.continueTo({ label: text, url: '/login?provider=corp' }),
})

const names = Object.keys(all(''))

/** A page has one script of ours at the most, at its end, and its policy names that one. */
function withoutScripts({ html: markup, contentSecurityPolicy }: Page): string {
  const known = Object.values(pageScripts).find(({ element }) => markup.includes(element.markup))
  const sources = /script-src ([^;]*)/.exec(contentSecurityPolicy)?.[1]
  expect(sources).toBe(known?.source)
  return known === undefined ? markup : markup.replace(`${known.element.markup}</body>`, '</body>')
}

describe.each(names)('the page %s', name => {
  const page = (text: string): Page => all(text)[name] ?? { html: '', contentSecurityPolicy: '' }

  test('shows text as text (I05)', () => {
    const markup = withoutScripts(page(hostile))
    expect(markup).not.toContain('<script')
    expect(markup).not.toContain('\u0000')
    expect(markup).not.toMatch(/\son\w+=|javascript:/i)
  })

  // What travels through the check of a proxy, where 4 KB are the limit; of sessions one is listed here.
  const mostBytes = ['denied', 'error', 'unsentForm'].includes(name) ? 4096 : 6144
  test.each(['a', "'", '&', '"<>', 'ä', '漢', '😀', '%'])(
    `stays under ${mostBytes} bytes, however much of %s there is (I08)`,
    character => {
      for (const pages of [english, german]) {
        const page = all(character.repeat(9000), pages)[name]
        expect(Buffer.byteLength(page?.html ?? 'x'.repeat(mostBytes))).toBeLessThan(mostBytes)
      }
    },
  )

  test('allows its own style sheet and script, and nothing else', () => {
    const { contentSecurityPolicy } = page('x')
    const markup = withoutScripts(page('x'))
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(markup) ?? []
    const hash = createHash('sha256').update(style).digest('base64')
    expect(contentSecurityPolicy).toContain(`default-src 'none'; style-src 'sha256-${hash}';`)
    expect(contentSecurityPolicy).toContain("frame-ancestors 'none'; base-uri 'none'")
    expect(contentSecurityPolicy).not.toContain('unsafe')
    expect(markup).not.toMatch(/ style=|<script|<img|<link|src=|url\(/)
  })

  test('can be read by everybody: language, title, one heading, one main part, light and dark', () => {
    const { html: markup } = page('x')
    expect(markup).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(markup.match(/<h1>/g)).toHaveLength(1)
    expect(markup.match(/<main>/g)).toHaveLength(1)
    expect(markup).toMatch(/<title>[^<]+ &ndash; Sallyport<\/title>/)
    expect(markup).toContain('prefers-color-scheme:dark')
    expect(markup).toContain('aria-hidden="true"')
  })
})

describe('the denial page', () => {
  const denied = (url: string, switchAccountUrl: string) =>
    pages.denied({
      who: 'bob@example.com',
      method: 'POST',
      url,
      requestId: 'r-1',
      switchAccountUrl,
      logoutUrl: 'https://auth.example.com/logout',
    }).html

  test('says who you are, what was refused and the request id, with two ways on', () => {
    const markup = denied('https://wiki.example.com/admin?a=1&b=2', 'https://auth.example.com/login?prompt=login&rd=x')
    for (const text of ['bob@example.com', 'POST https://wiki.example.com/admin?a=1&amp;b=2', 'r-1'])
      expect(markup).toContain(text)
    expect(markup).toMatch(/href="https:\/\/auth\.example\.com\/login\?prompt=login&amp;rd=x">Switch account</)
    expect(markup).toMatch(/href="https:\/\/auth\.example\.com\/logout">Log out</)
  })

  test('drops where to return to from a link that would be too long, and keeps the rest', () => {
    const markup = denied(long, `https://auth.example.com/login?prompt=login&rd=${'x'.repeat(2000)}`)
    expect(markup).toContain('href="https://auth.example.com/login?prompt=login">Switch account')
  })

  test('does not call somebody logged in who is not', () => {
    const markup = pages.denied({
      method: 'GET',
      url: 'https://wiki.example.com/',
      requestId: 'r-1',
      switchAccountUrl: 'https://auth.example.com/login?prompt=login',
      logoutUrl: 'https://auth.example.com/logout',
    }).html
    expect(markup).toContain('>Log in<')
    expect(markup).not.toMatch(/You are|logged in|Log out/)
  })

  test('never links to a script', () => {
    expect(denied(long, 'javascript:alert(1)')).toContain('href="/">Switch account')
  })
})

describe('the question before a log-out', () => {
  test('posts to us and nowhere else', () => {
    const page = pages.confirmLogout({ who: 'alice', action: '/logout', csrfToken: 'token' })
    expect(page.contentSecurityPolicy).toContain("form-action 'self';")
    expect(page.html).toContain('<form method="post" action="/logout"><input type="hidden" name="token" value="token">')
  })

  test('the one of sessions and the one for an address are the only pages with a form', () => {
    const withForm = Object.entries(all('x')).filter(
      ([, page]) => !page.contentSecurityPolicy.includes("form-action 'none'"),
    )
    expect(withForm.map(([name]) => name)).toEqual(['confirmLogout', 'sessionOverview', 'chooseByEmail'])
    expect(withForm[2]?.[1].contentSecurityPolicy).toContain("form-action 'self';")
  })
})

describe('the template', () => {
  test('escapes everything but what it made itself', () => {
    const forged = { markup: '<b>' } as unknown as string
    expect(html`<p>${'<b>'}${html`<i>${'&'}</i>`}${7}${undefined}${[html`<u></u>`]}</p>`.markup).toBe(
      '<p>&lt;b&gt;<i>&amp;</i>7<u></u></p>',
    )
    expect(() => html`${forged}`.markup).toThrow()
  })

  test('cuts at whole characters, counted in the bytes of the page', () => {
    expect(cut('abc', 3)).toBe('abc')
    expect(cut('abcd', 3)).toBe('abc…')
    expect(cut('<<', 5)).toBe('<…')
    expect(cut('😀😀', 7)).toBe('😀…')
    expect(escapeHtml('\ud800')).toBe('\ufffd')
  })

  test('J94 shows what turns the direction of text, and leaves letters that are written from the right', () => {
    for (const turn of ['\u202a', '\u202e', '\u2066', '\u2069', '\u200e', '\u200f', '\u061c', '\u2028']) {
      expect(escapeHtml(`a${turn}b`)).toBe('a\ufffdb')
    }
    expect(escapeHtml('אליס می\u200cخواهم')).toBe('אליס می\u200cخواهم')
  })
})
