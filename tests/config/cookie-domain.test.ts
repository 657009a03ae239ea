/** F06: the domain of a session cookie has to be somebody's own, and no flag says otherwise. */
import { describe, expect, test } from 'vitest'
import { insecureNames } from '../../config/checks/insecure.ts'
import { formatProblems } from '../../config/problems.ts'
import { goodSecret, loadText, problemsOf } from './load-text.ts'

const file = (sessions: string, url = 'https://auth.example.com') => `
server: { url: '${url}' }
sessions: { secret: ${goodSecret}, ${sessions} }
providers: [{ name: corp, issuer: https://idp.example.com, clientId: sallyport, clientSecret: of-a-test }]
`

describe('F06: a cookie domain is refused with every flag', () => {
  test.each([
    ['com', 'https://auth.com', 'public suffix'],
    ['co.uk', 'https://auth.example.co.uk', 'public suffix'],
    ['github.io', 'https://sallyport.github.io', 'public suffix'],
    ['GitHub.io', 'https://sallyport.github.io', 'public suffix'],
    ['localhost', 'http://auth.localhost', 'public suffix'],
    ['internal', 'https://auth.internal', 'public suffix'],
    ['192.0.2.7', 'https://192.0.2.7', 'address'],
    ['example.org', 'https://auth.example.com', 'server.url'],
    ['wiki.example.com', 'https://auth.example.com', 'server.url'],
    ['xample.com', 'https://auth.example.com', 'server.url'],
    ['h.example.com', 'https://auth.example.com', 'server.url'],
    ['.example.com', 'https://auth.example.com', 'host name'],
    ['example.com.', 'https://auth.example.com', 'host name'],
    ['"*.example.com"', 'https://auth.example.com', 'host name'],
    ['"example.com; Secure"', 'https://auth.example.com', 'host name'],
    ['"[::1]"', 'https://[::1]', 'address'],
  ])('%s for %s', (domain, url, why) => {
    const found = problemsOf(file(`binding: domain, cookieDomain: ${domain}`, url), { allow: insecureNames })
    expect(found.map(({ path }) => path)).toContain('sessions.cookieDomain')
    expect(formatProblems(found)).toContain(why)
  })

  test('that is missing', () => {
    const found = problemsOf(file('binding: domain'), { allow: insecureNames })
    expect(found).toMatchObject([{ path: 'sessions.cookieDomain', message: expect.stringContaining('is missing') }])
  })

  test('without binding: domain', () => {
    for (const sessions of ['cookieDomain: example.com', 'binding: host, cookieDomain: example.com']) {
      expect(formatProblems(problemsOf(file(sessions)))).toContain('expected binding: domain beside it')
    }
  })
})

test.each([
  ['example.com', 'https://auth.example.com', 'example.com'],
  ['Example.COM', 'https://auth.example.com', 'example.com'],
  ['auth.example.com', 'https://auth.example.com', 'auth.example.com'],
  ['example.co.uk', 'https://login.example.co.uk:8443', 'example.co.uk'],
  ['corp.internal', 'https://auth.corp.internal', 'corp.internal'],
])('%s for %s is in force', (domain, url, expected) => {
  const { config } = loadText(file(`binding: domain, cookieDomain: ${domain}`, url))
  expect(config.sessions.cookieDomain).toBe(expected)
})

test('a cookie is bound to one host by default', () => {
  expect(loadText(file('lifetime: 12h')).config.sessions.cookieDomain).toBeUndefined()
})
