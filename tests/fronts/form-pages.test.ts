/** The page for a form that needs a login: it leads to the login of this service and back to the page of the form alone. */
import { describe, expect, it } from 'vitest'
import { createFormPages } from '../../app/fronts/form-pages.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import { createPages } from '../../app/pages/create-pages.ts'
import { withoutScripts } from '../pages/without-scripts.ts'

const publicUrl = 'https://auth.example.com'
const formPages = createFormPages(() => createPages(), publicUrl)

function linkFor(loginUrl: string, ...referers: readonly string[]): URL {
  const request = {
    domain: 'wiki.example.com',
    resource: '/save',
    action: 'POST',
    url: 'https://wiki.example.com/save?<script>alert(1)</script>',
  }
  const headers = readHeaders(referers.flatMap(referer => ['Referer', referer]))
  const { html } = formPages({ request, headers }, loginUrl, 'r-1')
  expect(withoutScripts(html)).not.toContain('<script')
  expect(html).toContain('POST https://wiki.example.com/save?&lt;script&gt;')
  return new URL(/href="([^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '')
}

describe('the page for a form that needs a login', () => {
  it('keeps what the rule wants of the login, and leads back to the page of the form', () => {
    const link = linkFor(`${publicUrl}/login?rd=x&max_age=60&amr=otp`, 'https://wiki.example.com/edit?a=1&b=2')
    expect(link.origin + link.pathname).toBe(`${publicUrl}/login`)
    expect(Object.fromEntries(link.searchParams)).toEqual({
      rd: 'https://wiki.example.com/edit?a=1&b=2',
      max_age: '60',
      amr: 'otp',
    })
  })

  it.each([
    [[]],
    [['https://evil.example/']],
    [['https://wiki.example.com.evil.example/']],
    [['https://wiki.example.com@evil.example/']],
    [['http://wiki.example.com/']],
    [['javascript:alert(1)']],
    [[`https://wiki.example.com/${'x'.repeat(600)}`]],
    [['https://wiki.example.com/a b']],
    [['https://wiki.example.com/a', 'https://wiki.example.com/b']],
  ])('of %j it takes nothing (J134)', referers => {
    expect(linkFor(`${publicUrl}/login?rd=x`, ...referers).searchParams.get('rd')).toBe('https://wiki.example.com/')
  })

  it.each(['', 'https://evil.example/login?', 'javascript:alert(1)', `${publicUrl}.evil.example/login?`, '/login?'])(
    'of the login address %j it takes nothing (J134)',
    loginUrl => {
      expect(linkFor(loginUrl).href).toBe(`${publicUrl}/login?rd=${encodeURIComponent('https://wiki.example.com/')}`)
    },
  )
})
