/** What is kept of denial pages is never seen: each page is the one that would have been made for it alone. */

import { describe, expect, it } from 'vitest'
import { createDeniedPages } from '../../app/fronts/denied-pages.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import { createPages } from '../../app/pages/create-pages.ts'
import type { DeniedPage, Page } from '../../app/pages/pages.ts'
import { createPagesFor } from '../../app/pages/reader-language.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { fc } from '../properties.ts'

const publicUrl = 'https://auth.example.com'
const personOf = (email: string): User => ({
  kind: 'user',
  subject: `https://idp.example.com#${email}`,
  provider: 'corp',
  email,
  groups: [],
  claims: {},
  authTime: 1,
  amr: [],
})
const requestOf = (action: string, url: string): AccessRequest => ({
  domain: 'wiki.example.com',
  resource: '/',
  action,
  url,
})

const names = fc.oneof(
  fc.constantFrom('a', 'ab', '1:a', '<b>', 'Jürgen'),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
)
const identities = fc.oneof<fc.Arbitrary<Identity>[]>(fc.constant(anonymous), names.map(personOf))
const paths = fc.oneof(fc.constantFrom('', 'a', 'b?x=1&y=<i>', 'a'.repeat(900)), fc.webPath())
const questions = fc.record({
  identity: identities,
  action: fc.constantFrom('GET', 'POST', 'GETa'),
  path: paths,
  requestId: fc.stringMatching(/^[\w-]{1,64}$/),
})

const pages = createPages()
const pagesFor = () => pages
/** Whose browser says nothing of a language. */
const headers = readHeaders([])

/** Made with everything in it, and from nothing that was kept. */
function filledAlone(identity: Identity, request: AccessRequest, requestId: string): Page {
  let filled: Page | undefined
  const denied = (page: DeniedPage): Page => {
    filled = pages.denied({ ...page, requestId })
    return pages.denied(page)
  }
  createDeniedPages(() => ({ denied }), publicUrl)(identity, { request, headers }, requestId)
  if (filled === undefined) throw new Error('no page was filled')
  return filled
}

describe('a denial page', () => {
  it('is the one that is made for it alone, however many were made before', () => {
    const kept = createDeniedPages(pagesFor, publicUrl)
    fc.assert(
      fc.property(fc.array(questions, { minLength: 1, maxLength: 30 }), asked => {
        for (const { identity, action, path, requestId } of [...asked, ...asked]) {
          const request = requestOf(action, `https://wiki.example.com/${path}`)
          const alone = filledAlone(identity, request, requestId)
          expect(kept(identity, { request, headers }, requestId)).toEqual(alone)
          expect(alone.html).toContain(`>${requestId}<`)
        }
      }),
    )
  })

  it('is that of the person, also when a name goes on as another key does', () => {
    const kept = createDeniedPages(pagesFor, publicUrl)
    const first = requestOf('GET', 'https://w.example/3:GEThttps://w.example/x')
    const second = requestOf('GET', 'https://w.example/x')
    kept(personOf('a'), { request: first, headers }, 'r1')
    expect(kept(personOf('a3:GEThttps://w.example/'), { request: second, headers }, 'r1')).toEqual(
      filledAlone(personOf('a3:GEThttps://w.example/'), second, 'r1'),
    )
  })

  it('shows a request id as text', () => {
    const page = createDeniedPages(pagesFor, publicUrl)(
      anonymous,
      { request: requestOf('GET', 'https://w.example/'), headers },
      '<i>"',
    )
    expect(page.html).toContain('&lt;i&gt;&#34;')
    expect(page.html).not.toContain('<i>')
  })

  it('is filled once for many requests, and anew for another person, method or address', () => {
    let filled = 0
    const own = {
      denied(page: DeniedPage) {
        filled += 1
        return pages.denied(page)
      },
    }
    const kept = createDeniedPages(() => own, publicUrl)
    const request = requestOf('GET', 'https://wiki.example.com/a')
    for (let time = 0; time < 20; time += 1) kept(personOf('alice@example.com'), { request, headers }, `r${time}`)
    expect(filled).toBe(1)
    kept(personOf('bob@example.com'), { request, headers }, 'r')
    kept(anonymous, { request, headers }, 'r')
    kept(anonymous, { request: requestOf('PUT', request.url), headers }, 'r')
    kept(anonymous, { request: requestOf('PUT', `${request.url}?b`), headers }, 'r')
    expect(filled).toBe(5)
  })

  it('is in the language of whoever reads it, and says that others read another one', () => {
    const kept = createDeniedPages(createPagesFor({ language: 'auto' }), publicUrl)
    const request = requestOf('GET', 'https://wiki.example.com/a')
    const readBy = (wanted: string) =>
      kept(personOf('alice@example.com'), { request, headers: readHeaders(['Accept-Language', wanted]) }, 'r1')
    for (const _time of [1, 2]) {
      for (const [wanted, tag] of [
        ['de-AT,de;q=0.9,en;q=0.8', 'de'],
        ['en-GB,en;q=0.9,de;q=0.8', 'en'],
        ['fr-CH, fr;q=0.9, de;q=0.7, *;q=0.5', 'de'],
      ] as const) {
        const { html, isOfReader } = readBy(wanted)
        expect([wanted, html.includes(`<html lang="${tag}">`), isOfReader]).toEqual([wanted, true, true])
      }
    }
    const fixed = createDeniedPages(createPagesFor({ language: 'de' }), publicUrl)
    const page = fixed(anonymous, { request, headers: readHeaders(['Accept-Language', 'en']) }, 'r1')
    expect([page.html.includes('<html lang="de">'), page.isOfReader]).toEqual([true, undefined])
  })
})
