/** What travels through the check of a proxy has room for 4 KB: each such page stays within, whatever an operator may set and anybody may ask. */
import { describe, expect, it } from 'vitest'
import { createDeniedPages } from '../../app/fronts/denied-pages.ts'
import { createFormPages } from '../../app/fronts/form-pages.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import { createPages } from '../../app/pages/create-pages.ts'
import { sizeInPage } from '../../app/pages/html.ts'
import { formatProblems } from '../../config/problems.ts'
import { pages as schema } from '../../config/schema/pages-schema.ts'
import { anonymous, type User } from '../../rbac/identity.ts'
import { loadText, minimal, problemsOf } from '../config/load-text.ts'

const limit = 4096
const host = [63, 63, 63, 61].map(length => 'h'.repeat(length)).join('.')
const publicUrl = `https://${host}:65535`
/** One byte and one that is escaped, two to four bytes, and one that an address writes with three. */
const units = ['a', '&', "'", '"', '<', '%', 'ä', '漢', '😀', '\u202e', ' ']
const textOf = (settings: Readonly<Record<string, string>>) => `${minimal}\npages: ${JSON.stringify(settings)}\n`

/** The longest that the configuration takes. */
function longest(setting: string, of: (length: number) => string): string | undefined {
  for (let length = 260; length > 0; length -= 1) {
    const text = of(length)
    if (schema.safeParse({ [setting]: text }).success) return text
  }
  return undefined
}

const plain = (text: string) => text.replace('\u202e', '')
const settings = units.flatMap(unit => {
  const name = longest('name', length => plain(`x${unit.repeat(length - 1)}`))
  const contacts = ['', 'https://h.example/?', 'mailto:a@h.example?subject='].flatMap(start => {
    const found = longest('contact', length => plain(`${start}${unit.repeat(length)}`))
    return found === undefined ? [] : [found]
  })
  return contacts.map(contact => ({ name: name ?? 'x', contact }))
})

const person = (text: string): User => ({
  ...{ kind: 'user', subject: `https://idp.example.com#${text}`, provider: 'corp', email: text, groups: [] },
  ...{ claims: {}, authTime: 1, amr: [] },
})

/** All that answers a check, with this text wherever somebody's own may be. */
function pagesOf(options: Parameters<typeof createPages>[0], unit: string, requestId: string) {
  const pages = createPages(options)
  const text = unit.repeat(9000)
  const denied = createDeniedPages(() => pages, publicUrl)
  const form = createFormPages(() => pages, publicUrl)
  const requestOf = (length: number) => ({
    ...{ domain: host, resource: '/', action: 'A'.repeat(20), url: `https://${host}:65535/${unit.repeat(length)}` },
  })
  const headersOf = (length: number) => readHeaders(['Referer', `https://${host}:65535/${unit.repeat(length)}`])
  // Where to return to is left out when it is too long: the longest pages are those where it just fits.
  return Array.from({ length: 90 }, (_, length) => length * 3).flatMap(length => {
    const request = requestOf(length)
    const sent = { request, headers: headersOf(length) }
    const login = `${publicUrl}/login?rd=x&handoff=${'x'.repeat(43)}&acr_values=${'a'.repeat(length)}`
    return [
      denied(person(text), sent, requestId),
      denied(anonymous, sent, requestId),
      form(sent, login, requestId),
      form(sent, `${publicUrl}/login?rd=x`, requestId),
      ...(length < 200 ? [] : [denied(person(text), { ...sent, request: requestOf(9000) }, requestId)]),
      ...(length > 0 ? [] : [200, 404, 500, 503].map(status => pages.error({ status, sentence: text, requestId }))),
    ]
  })
}

describe.each(['en', 'de'] as const)('in %s', language => {
  it(`a page that answers a check is under ${limit} bytes, with the longest that may be set (I08)`, {
    timeout: 120_000,
  }, () => {
    expect(settings.length).toBeGreaterThan(15)
    let most = 0
    for (const own of settings) {
      for (const unit of ['a', '&', '漢']) {
        for (const page of pagesOf({ language, colour: '#ffe14d', hasLogo: false, ...own }, unit, 'r'.repeat(64))) {
          most = Math.max(most, Buffer.byteLength(page.html))
        }
      }
    }
    expect(most).toBeLessThan(limit)
    // Not by chance: there is no room for much more.
    expect(most).toBeGreaterThan(limit - 400)
  })
})

describe('a setting that would not fit', () => {
  it.each([
    ['name', '&'.repeat(41)],
    ['name', '"'.repeat(64)],
    ['contact', '漢'.repeat(67)],
    ['contact', `https://help.example.com/?${'a&'.repeat(30)}`],
  ])('%s is refused, with the reason: %s', (setting, text) => {
    const refused = formatProblems(problemsOf(textOf({ [setting]: text })))
    expect(refused).toContain(`pages.${setting}`)
    expect(refused).toContain('more than 200 bytes on a page')
  })

  it.each(units)('is one that takes up 200 bytes as the page writes it, and none that takes fewer: %j', unit => {
    const longestName = longest('contact', length => plain(`x${unit.repeat(length - 1)}x`)) ?? ''
    expect(sizeInPage(longestName)).toBeLessThanOrEqual(200)
    expect(loadText(textOf({ contact: longestName })).config.pages.contact).toBe(longestName)
  })
})
