/** Sessions bound to a client certificate need a header that nobody else has a use for. */
import { describe, expect, test } from 'vitest'
import { insecureNames } from '../../config/checks/insecure.ts'
import { goodSecret, loadText, problemsOf } from './load-text.ts'

const file = (sessions: string, server: string, headers = '') => `
server: { url: 'https://auth.example.com', ${server} }
sessions: { secret: ${goodSecret}, ${sessions} }
headers: { ${headers} }
providers: [{ name: corp, issuer: https://idp.example.com, clientId: sallyport, clientSecret: of-a-test }]
`
const bound = 'bindTo: client-certificate'
const named = (name: string) => `clientCertificateHeader: ${name}`
const taken = [
  ...['Connection', 'Keep-Alive', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'Proxy-Connection'],
  ...['Cookie', 'Host', 'Authorization', 'Origin', 'Accept', 'Sec-Fetch-Mode', 'X-Requested-With', 'User-Agent'],
  ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Uri', 'X-Original-URL', 'X-Sallyport-Cookie'],
]
const problemsWith = (text: string) => problemsOf(text, { allow: insecureNames })

test('sessions are bound to nothing by default, and no header is read', () => {
  const { config } = loadText(file('', ''))
  expect(config.sessions.bindTo).toBe('none')
  expect(config.server.clientCertificateHeader).toBeUndefined()
})

test.each(['X-Client-Certificate', 'Client-Cert', 'X-Forwarded-Tls-Client-Cert', 'ssl-client-cert'])(
  '%s is in force, whatever its case',
  name => {
    const { config } = loadText(file(bound, named(name)))
    expect(config.sessions.bindTo).toBe('client-certificate')
    expect(config.server.clientCertificateHeader).toBe(name.toLowerCase())
  },
)

test('a name with bindTo: none is for conditions of the policy alone', () => {
  const { config } = loadText(file('bindTo: none', named('Client-Cert')))
  expect(config.sessions.bindTo).toBe('none')
  expect(config.server.clientCertificateHeader).toBe('client-cert')
})

describe('is a problem of server.clientCertificateHeader with every flag', () => {
  test.each([
    ...taken.map((name): [string, string, string] => [name, file(bound, named(name)), 'already has a meaning']),
    ['a missing name', file(bound, ''), 'is missing'],
    ['a name without bindTo', file('', named('X-Client-Certificate')), 'expected sessions.bindTo'],
    ['a default of ours', file(bound, named('remote-user')), 'got that of headers.user'],
    ['a name of ours', file(bound, named('X-Cert'), 'groups: x-cert'), 'got that of headers.groups'],
    ['an underscore', file(bound, named('X_Client_Cert')), 'letters, digits and hyphens'],
    ['a variable of NGINX', file(bound, named('$ssl_client_escaped_cert')), 'letters, digits and hyphens'],
  ])('%s', (_, text, message) => {
    const found = problemsWith(text)
    expect(found.map(({ path }) => path)).toEqual(['server.clientCertificateHeader'])
    expect(found[0]?.message).toContain(message)
  })
})

test('anything else to bind to is a problem', () => {
  expect(problemsWith(file('bindTo: address', '')).map(({ path }) => path)).toEqual(['sessions.bindTo'])
})
