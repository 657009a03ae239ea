/** What is kept of denial pages is never seen: each page is the one that would have been made for it alone. */

import { describe, expect, it } from 'vitest'
import { createDeniedPages } from '../../app/fronts/denied-pages.ts'
import { createPages } from '../../app/pages/create-pages.ts'
import type { DeniedPage, Page } from '../../app/pages/pages.ts'
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

/** Made with everything in it, and from nothing that was kept. */
function filledAlone(identity: Identity, request: AccessRequest, requestId: string): Page {
  let filled: Page | undefined
  const denied = (page: DeniedPage): Page => {
    filled = pages.denied({ ...page, requestId })
    return pages.denied(page)
  }
  createDeniedPages({ denied }, publicUrl)(identity, request, requestId)
  if (filled === undefined) throw new Error('no page was filled')
  return filled
}

describe('a denial page', () => {
  it('is the one that is made for it alone, however many were made before', () => {
    const kept = createDeniedPages(pages, publicUrl)
    fc.assert(
      fc.property(fc.array(questions, { minLength: 1, maxLength: 30 }), asked => {
        for (const { identity, action, path, requestId } of [...asked, ...asked]) {
          const request = requestOf(action, `https://wiki.example.com/${path}`)
          const alone = filledAlone(identity, request, requestId)
          expect(kept(identity, request, requestId)).toEqual(alone)
          expect(alone.html).toContain(`>${requestId}<`)
        }
      }),
    )
  })

  it('is that of the person, also when a name goes on as another key does', () => {
    const kept = createDeniedPages(pages, publicUrl)
    const first = requestOf('GET', 'https://w.example/3:GEThttps://w.example/x')
    const second = requestOf('GET', 'https://w.example/x')
    kept(personOf('a'), first, 'r1')
    expect(kept(personOf('a3:GEThttps://w.example/'), second, 'r1')).toEqual(
      filledAlone(personOf('a3:GEThttps://w.example/'), second, 'r1'),
    )
  })

  it('shows a request id as text', () => {
    const page = createDeniedPages(pages, publicUrl)(anonymous, requestOf('GET', 'https://w.example/'), '<i>"')
    expect(page.html).toContain('&lt;i&gt;&#34;')
    expect(page.html).not.toContain('<i>')
  })

  it('is filled once for many requests, and anew for another person, method or address', () => {
    let filled = 0
    const kept = createDeniedPages(
      {
        denied(page) {
          filled += 1
          return pages.denied(page)
        },
      },
      publicUrl,
    )
    const request = requestOf('GET', 'https://wiki.example.com/a')
    for (let time = 0; time < 20; time += 1) kept(personOf('alice@example.com'), request, `r${time}`)
    expect(filled).toBe(1)
    kept(personOf('bob@example.com'), request, 'r')
    kept(anonymous, request, 'r')
    kept(anonymous, requestOf('PUT', request.url), 'r')
    kept(anonymous, requestOf('PUT', `${request.url}?b`), 'r')
    expect(filled).toBe(5)
  })
})
