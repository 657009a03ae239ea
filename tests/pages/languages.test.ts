/** `pages.language: auto` through the whole service: each page is in the language that its reader's browser asks for, and says so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPagesFor } from '../../app/pages/reader-language.ts'
import { header, navigation, startService, TestBrowser, type TestService } from '../service.ts'

const policy = `p, role:ops,  payroll.example.com, /**, *, -, allow
p, anyone,    wiki.example.com,    /**, *, -, allow
g, group:ops, role:ops,            *
`
const wanted = { de: 'de-AT,de;q=0.9,en;q=0.8', en: 'fr,en;q=0.9,de;q=0.8' } as const
const languages = ['de', 'en'] as const

describe('pages in the language of whoever reads them', () => {
  let world: TestService
  let bob: string
  const browser = new TestBrowser()
  beforeAll(async () => {
    world = await startService({ policy, settings: { pages: { language: 'auto' } } })
    bob = await world.logIn('bob', 'https://payroll.example.com/', browser)
  })
  afterAll(() => world?.close())

  it.each(languages)('of the auth host, in %s', async tag => {
    for (const path of [
      '/',
      '/signed-out',
      '/session',
      '/logout',
      '/nowhere',
      '/login?rd=%00',
      '/callback/corp?state=x',
    ]) {
      for (const reader of [browser, new TestBrowser()]) {
        const answer = await reader.request(`${world.publicUrl}${path}`, {
          headers: { 'accept-language': wanted[tag] },
        })
        if (answer.status >= 300 && answer.status < 400) continue
        expect([path, /<html lang="(\w+)">/.exec(await answer.text())?.[1]]).toEqual([path, tag])
        expect([path, answer.headers.get('vary')]).toEqual([path, 'Accept-Language'])
      }
    }
  })

  it.each(languages.flatMap(tag => (['forward-auth', 'ext-authz'] as const).map(front => [tag, front] as const)))(
    'of a check, in %s, by %s',
    async (tag, front) => {
      const headers = [...navigation, ['Accept-Language', wanted[tag]] as const]
      const url = 'https://payroll.example.com/a'
      for (const [status, question] of [
        [403, { url, cookie: bob, headers }],
        [401, { url, method: 'POST', headers }],
        [404, { url: 'https://payroll.example.com/.sallyport/x', headers }],
      ] as const) {
        const answer = await world.ask(front, question)
        expect([answer.status, /<html lang="(\w+)">/.exec(answer.body)?.[1]]).toEqual([status, tag])
        expect([status, header(answer, 'vary')]).toEqual([status, 'Accept-Language'])
      }
      // What is no page depends on nothing.
      const allowed = await world.ask(front, { url: 'https://wiki.example.com/', headers })
      expect([allowed.status, allowed.headers.has('vary')]).toEqual([200, false])
    },
  )

  it.each(languages)('of what NGINX fetches, in %s', async tag => {
    for (const [path, status] of [
      ['denied', 403],
      ['form', 401],
    ] as const) {
      const answer = await world.send(`GET /.sallyport/${path} HTTP/1.1`, [
        ['X-Original-URL', 'https://payroll.example.com/a'],
        ['X-Original-Method', 'GET'],
        ['Cookie', bob],
        ['Accept-Language', wanted[tag]],
        ...navigation,
      ])
      expect([answer.status, /<html lang="(\w+)">/.exec(answer.body)?.[1]]).toEqual([status, tag])
      expect(header(answer, 'vary')).toBe('Accept-Language')
    }
  })
})

describe('the language that is chosen', () => {
  const chosen = (language: string | undefined, setting: 'auto' | 'de' | 'en' = 'auto') => {
    const page = createPagesFor({ language: setting })({ headers: { 'accept-language': language } }).signedOut({
      loginUrl: '/',
    })
    return [/<html lang="(\w+)">/.exec(page.html)?.[1], page.isOfReader === true]
  }
  it.each([
    [undefined, 'en'],
    ['', 'en'],
    ['de', 'de'],
    ['DE-de', 'de'],
    ['fr, de;q=0.1', 'de'],
    ['de;q=0, en;q=0.1', 'en'],
    ['de;q=0', 'en'],
    ['*', 'en'],
    ['fr', 'en'],
    ['en;q=0.5, de;q=0.6', 'de'],
    [';;;,=q=,\u0000', 'en'],
    ['__proto__', 'en'],
    [`${'x,'.repeat(16_000)}de`, 'en'],
  ])('for %j is %s', (language, tag) => expect(chosen(language)).toEqual([tag, true]))

  it('is that of the setting, where there is one, and no page depends on its reader', () => {
    expect(chosen('en', 'de')).toEqual(['de', false])
    expect(chosen('de', 'en')).toEqual(['en', false])
    const page = createPagesFor()({ headers: { 'accept-language': 'de' } }).signedOut({ loginUrl: '/' })
    expect(page.html).toContain('<html lang="en">')
  })
})
