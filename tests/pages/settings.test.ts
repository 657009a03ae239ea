/** What an operator may put on the pages, and what is refused of it before any page is made. */
import { describe, expect, it } from 'vitest'
import { operationalErrors } from '../../app/errors.ts'
import { returnSentences } from '../../app/login/return/no-return.ts'
import { reportOf } from '../../app/login/step-up-failure.ts'
import { cardColours, contrast, shadesOf } from '../../app/pages/colours.ts'
import { createPages } from '../../app/pages/create-pages.ts'
import { english } from '../../app/pages/messages/english.ts'
import { german } from '../../app/pages/messages/german.ts'
import { formatProblems } from '../../config/problems.ts'
import { loadText, minimal, problemsOf } from '../config/load-text.ts'
import { fc } from '../properties.ts'
import { renderedPages } from './rendered.ts'

const svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h1v1z"/></svg>'
const textOf = (settings: Readonly<Record<string, string>>) => `${minimal}\npages: ${JSON.stringify(settings)}\n`
const pagesOf = (settings: Readonly<Record<string, string>>) => loadText(textOf(settings)).config.pages
const refused = (settings: Readonly<Record<string, string>>) => formatProblems(problemsOf(textOf(settings)))
const hostsRefused = (hosts: unknown) => formatProblems(problemsOf(`${minimal}\nhosts: ${JSON.stringify(hosts)}\n`))

describe('the pages of an operator', () => {
  it('have a name, a colour, a contact, a language and a logo', () => {
    const settings = { name: ' Example Corp ', language: 'de', colour: '#0A6B4F', logo: svg }
    expect(pagesOf({ ...settings, contact: 'Phone: 1234, ask for Alice' })).toEqual({
      ...{ name: 'Example Corp', language: 'de', colour: '#0a6b4f', logo: svg },
      contact: 'Phone: 1234, ask for Alice',
    })
    for (const contact of ['mailto:help@example.com', 'https://help.example.com/?a=b&c=d']) {
      expect(pagesOf({ contact })).toMatchObject({ contact })
    }
  })

  it.each([
    ...['javascript:alert(1)', 'JavaScript:alert(1)', 'data:text/html,x', 'http://help.example.com/', 'vbscript:x'],
    ...[
      'https://',
      'https://help.example.com/ x',
      'mailto:a b',
      'x\nSet-Cookie: a=b',
      'x\u202ey',
      ' ',
      'x'.repeat(201),
    ],
  ])('have no contact %j (J135)', contact => {
    expect(refused({ contact })).toContain('pages.contact')
  })

  it.each(['red', '#fff', '#12345g', '#1f5fd0;}body{display:none', 'var(--x)', '#1f5fd0\n'])(
    'have no colour %j (J135)',
    colour => expect(refused({ colour })).toContain('pages.colour'),
  )

  it.each([
    ...['<svg><script>alert(1)</script></svg>', '<svg onload="alert(1)"></svg>', '<svg><a href="javascript:x"/></svg>'],
    ...['<svg><foreignObject><body/></foreignObject></svg>', '<svg><x:script>1</x:script></svg>', '<html></html>'],
    ...['<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', 'GIF89a', '<svg>', `<svg>${'x'.repeat(33_000)}</svg>`],
    '<svg><set attributeName="x" ONBEGIN = "alert(1)"/></svg>',
  ])('have no logo like %.60j (J136)', logo => expect(refused({ logo })).toContain('pages.logo'))

  it('show a name and a contact as text (J135)', () => {
    const hostile = `"><script>alert(1)</script>'&`
    const made = renderedPages({ name: hostile, contact: hostile })
    for (const { html } of Object.values(made)) {
      expect(html).not.toContain('<script>alert')
      expect(html).not.toContain('"><script')
    }
    const { html } = createPages({ contact: 'mailto:a@b.example?subject=<x>' }).error({
      ...{ status: 500, sentence: 'x', requestId: 'r' },
    })
    expect(html).toContain('href="mailto:a@b.example?subject=&lt;x&gt;">a@b.example</a>')
  })

  it('can be read in any colour: on both cards, and on a button', () => {
    const hex = fc.integer({ min: 0, max: 0xffffff }).map(value => `#${value.toString(16).padStart(6, '0')}`)
    fc.assert(
      fc.property(hex, colour => {
        const { light, dark } = shadesOf(colour)
        expect(light).toMatch(/^#[0-9a-f]{6}$/)
        expect(contrast(light, cardColours.light)).toBeGreaterThanOrEqual(4.5)
        expect(contrast(dark, cardColours.dark)).toBeGreaterThanOrEqual(4.5)
        expect(contrast(dark, cardColours.onDark)).toBeGreaterThanOrEqual(4.5)
      }),
    )
    // One that can be read stays what it is.
    expect(shadesOf('#1f5fd0').light).toBe('#1f5fd0')
  })
})

describe('applications of the start page', () => {
  it.each([
    '//evil.example/',
    '/\\evil.example',
    'https://evil.example/',
    '/a/../b',
    '/a%2fb',
    '/%zz',
    '/%00',
    '/%ff',
    '/%3b',
    '/a b',
    '/;x',
    '/#x',
  ])('begin at no path %j (J137)', startPath =>
    expect(hostsRefused([{ host: 'a.example.com', startPath }])).toContain('hosts[0].startPath'),
  )

  it('are single hosts', () => {
    expect(hostsRefused([{ host: '*.example.com', title: 'All' }])).toMatch(
      /hosts\[0\]\.title +expected it at an entry/,
    )
    expect(hostsRefused([{ host: 'a.example.com', title: 'x\u202e' }])).toContain('hosts[0].title')
    expect(hostsRefused([{ host: 'a.example.com', title: '\u200b\u3164\u2800' }])).toContain('hosts[0].title')
  })
})

describe('the languages', () => {
  const keysOf = (value: unknown, path = ''): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => keysOf(inner, `${path}.${key}`))
      : [path]

  it('have the same texts, and none of German is the English one', () => {
    const without = (keys: string[]) => keys.filter(key => !/^\.(?:sentences|stepUp\.terms)\./.test(key))
    expect(without(keysOf(german))).toEqual(without(keysOf(english)))
    const same = without(keysOf(english)).filter(key => at(german, key) === at(english, key))
    expect(same).toEqual(['.session.browser', '.passwords.name', '.grants.words.clusters.program', '.grants.code'])
  })

  it('say every reason why a login does not lead back, with its host', () => {
    const pages = createPages({ language: 'de' })
    for (const sentence of Object.values(returnSentences)) {
      const { html } = pages.welcome({
        ...{ who: 'alice', loginUrl: '/login', logoutUrl: '/logout' },
        notice: { sentence, host: '$&.example.com' },
      })
      expect(html).not.toContain(sentence.slice(0, 20))
      expect([sentence, html.includes('$&amp;.example.com'), html.includes('{host}')]).toEqual([
        sentence,
        sentence.includes('{host}'),
        false,
      ])
    }
  })

  it('say how a login is not as asked', () => {
    const pages = createPages({ language: 'de' })
    const asked = { maxAgeSeconds: 900, methods: [['mfa', 'hwk']], acrValues: ['gold'] }
    for (const [delivered, said] of [
      [{ authTime: 1000, amr: ['pwd', 'otp'] }, ['vor 1 h', 'pwd und otp', 'nicht angegeben']],
      [{ authTime: 4675 }, ['unserer Uhr um 1 min 15 s voraus', 'nicht angegeben']],
      [{ acr: 'silver' }, ['Zeitpunkt nicht angegeben', 'silver']],
    ] as const) {
      const report = reportOf(asked, delivered, 4600)
      const { html } = pages.stepUpFailed({ ...report, requestId: 'r', retryUrl: '/login', switchUrl: '/login' })
      for (const text of ['vor höchstens 15 min', 'mfa oder hwk', 'gold', ...said])
        expect(html).toContain(`<dd>${text}<`)
      expect(html).not.toMatch(/ ago<|not said|ahead of| or | and /)
    }
  })

  it('say every error', () => {
    const pages = createPages({ language: 'de' })
    for (const { sentence, status } of Object.values(operationalErrors)) {
      const { html } = pages.error({ status, sentence, requestId: 'r' })
      expect(html).toContain('<html lang="de">')
      expect(html, sentence).not.toContain(sentence)
    }
    // One that nobody translated is better than none.
    expect(pages.error({ status: 500, sentence: 'Nobody knows this.', requestId: 'r' }).html).toContain(
      'Nobody knows this.',
    )
  })
})

const at = (value: object, path: string): unknown =>
  path
    .split('.')
    .slice(1)
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value)
