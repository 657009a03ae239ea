/** `identityHeaders`, `userName` and `claimHeaders` of hosts: what is taken, and what is refused before anything starts. */
import { describe, expect, it } from 'vitest'
import { createHostHeaderSettings, createHostSettings, haveOwnHeaders } from '../../config/host-settings.ts'
import { writtenHeadersOf } from '../../config/machine-names.ts'
import { formatProblems } from '../../config/problems.ts'
import { hostHeaderNames } from '../../config/schema/header-presets.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const second = minimal.replace(
  'providers: [',
  'providers: [{ name: partner, issuer: https://partner.example, clientId: s, clientSecretFile: /run/secrets/oidc }, ',
)
const load = (entries: string, text = minimal) => loadText(`${text}\nhosts: ${entries}\n`).config
const refused = (entries: string, text = minimal) => formatProblems(problemsOf(`${text}\nhosts: ${entries}\n`))
const settingsFor = (entries: string, domain: string, text = minimal) => {
  const config = load(entries, text)
  return createHostHeaderSettings(config, createHostSettings(config.hosts))(domain)
}
const host = 'host: a.example.com'
const claim = 'userName: { claim: preferred_username'

describe('headers of hosts', () => {
  it('are none where no entry has any', () => {
    expect(haveOwnHeaders(load('[{ host: a.example.com, maxAge: 1h }]'))).toBe(false)
    expect(settingsFor(`[{ ${host}, identityHeaders: [webauth] }]`, 'b.example.com')).toBeUndefined()
    expect(settingsFor('[{ host: a.example.com, maxAge: 1h }]', 'a.example.com')).toBeUndefined()
  })

  it('are those of the entries that fit, the same object each time, with the one provider there is', () => {
    const entries = `[{ host: "*.example.com", ${claim} }, identityHeaders: [remote] }, { ${host}, identityHeaders: [webauth], claimHeaders: [X-Team=org/team] }]`
    const config = load(entries)
    const settingsOf = createHostHeaderSettings(config, createHostSettings(config.hosts))
    const own = settingsOf('a.example.com')
    expect(own).toMatchObject({
      userName: { claim: 'preferred_username', provider: 'corp' },
      claimHeaders: [{ name: 'X-Team', path: 'org/team' }],
      isRemoteNamed: false,
      names: ['x-webauth-user', 'x-webauth-name', 'x-webauth-email', 'x-webauth-groups', 'x-team'],
    })
    expect(settingsOf('a.example.com')).toBe(own)
    expect(settingsOf('b.example.com')).toMatchObject({
      presets: [{ names: {} }],
      isRemoteNamed: true,
      names: ['remote-user', 'remote-email', 'remote-name', 'remote-groups'],
    })
  })

  it('are named together for the proxies and for conditions, each once', () => {
    const config = load(
      `[{ ${host}, identityHeaders: [webauth] }, { host: b.example.com, identityHeaders: [gitea], claimHeaders: [X-Team=t] }]`,
    )
    expect(hostHeaderNames(config)).toEqual([
      ...['X-WEBAUTH-USER', 'X-WEBAUTH-NAME', 'X-WEBAUTH-EMAIL', 'X-WEBAUTH-GROUPS', 'X-WEBAUTH-FULLNAME', 'X-Team'],
    ])
    expect(writtenHeadersOf(config).writtenHeaders).toContain('x-team')
  })

  it('may hold what begins with Remote-, and X-WEBAUTH-ROLE beside webauth', () => {
    const entries = `[{ ${host}, identityHeaders: [webauth], claimHeaders: [Remote-Department=d, X-WEBAUTH-ROLE=grafana/role] }]`
    expect(hostHeaderNames(load(entries))).toEqual(expect.arrayContaining(['Remote-Department', 'X-WEBAUTH-ROLE']))
  })

  it.each([
    ['an unknown preset', 'identityHeaders: [grafana]', 'identityHeaders[0]  expected'],
    [
      'two presets with one header',
      'identityHeaders: [webauth, gitea]',
      'got X-WEBAUTH-USER, which is that of another',
    ],
    ['the same of oauth2-proxy and Jenkins', 'identityHeaders: [jenkins, x-forwarded-user]', 'got X-Forwarded-User'],
    ['two claims in one header', 'claimHeaders: [X-A=a, x-a=b]', 'got x-a, which is that of another of the host'],
    [
      'a claim in the header of a preset',
      'identityHeaders: [webauth], claimHeaders: [X-Webauth-Email=nick]',
      'got X-Webauth-Email, which is that of another',
    ],
    ['a claim in a usual header', 'claimHeaders: [Remote-Email=nick]', 'which is that of headers.email'],
    ...['Remote-User', 'X-WEBAUTH-USER', 'X-Auth-Request-Preferred-Username', 'X-Forwarded-User'].map(
      (name): [string, string, string] => [
        `a claim as the name in ${name}`,
        `claimHeaders: [${name}=nick]`,
        name === 'X-Forwarded-User' ? 'already has a meaning' : 'take identityHeaders and userName',
      ],
    ),
    ['no presets at all', 'identityHeaders: []', 'identityHeaders  expected a list'],
    ['a name that no header holds', `${claim} }`, 'userName  expected identityHeaders beside it'],
    ['remote without a name', 'identityHeaders: [remote]', 'expected userName beside remote'],
    [
      'no source of the name',
      'identityHeaders: [webauth], userName: { provider: corp }',
      'either claim or emailDomain',
    ],
    [
      'two sources of the name',
      `identityHeaders: [webauth], ${claim}, emailDomain: example.com }`,
      'expected either claim or emailDomain',
    ],
    [
      'a pattern of domains',
      'identityHeaders: [webauth], userName: { emailDomain: "*.example.com" }',
      'one domain such',
    ],
    ['an unknown provider', `identityHeaders: [webauth], ${claim}, provider: crop }`, 'there is no such provider; did'],
    ['a header without a claim', 'claimHeaders: [X-Team]', 'it has to be a header name, = and a path'],
    ['a header of two words', 'claimHeaders: ["X Team=t"]', 'it may hold letters, digits and hyphens only'],
    ['an underscore', 'claimHeaders: [X_Team=t]', 'it may hold letters, digits and hyphens only'],
  ])('are refused with %s', (_what, settings, message) =>
    expect(refused(`[{ ${host}, ${settings} }]`)).toContain(message),
  )

  it.each([
    ...['Host', 'Cookie', 'Set-Cookie', 'Authorization', 'Proxy-Authorization', 'Connection', 'Keep-Alive', 'TE'],
    ...['Transfer-Encoding', 'Upgrade', 'Content-Length', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-User'],
    ...[
      'X-Original-URL',
      'Forwarded',
      'X-Real-IP',
      'X-Sallyport-Assertion',
      'X-Sallyport-Anything',
      'Origin',
      'Accept',
    ],
    ...['X-HTTP-Method-Override', 'X-Method-Override', 'X-Rewrite-URL', 'X-Envoy-Original-Path', 'Client-Cert'],
    ...[
      'X-SSL-Client-Cert',
      'SSL-Client-Cert',
      'Sec-Fetch-Mode',
      'If-None-Match',
      'Access-Control-Allow-Origin',
      'DPoP',
    ],
    ...['X-Accel-Redirect', 'X-Accel-Limit-Rate', 'Refresh', 'Strict-Transport-Security'],
    ...['Remote-Client-Cert', 'X-Forwarded-Client-Cert', 'X-Forwarded-Tls-Client-Cert', 'Remote-Forwarded-For'],
  ])('H56: no claim is told as %s, which means something else', name =>
    expect(refused(`[{ ${host}, claimHeaders: [${name}=nick] }]`)).toContain('already has a meaning of its own'),
  )

  it('H56: nor as the header of a certificate, or of tokens of whichever host', () => {
    const certificate = minimal.replace('server: {', 'server: { clientCertificateHeader: X-Cert,')
    expect(refused(`[{ ${host}, claimHeaders: [x-cert=c] }]`, certificate)).toContain('server.clientCertificateHeader')
    const tokens = `${minimal}\nmachines: { issuers: [{ name: ci, kind: oidc, issuer: https://ci.example, audience: a }] }`
    const entries = `[{ ${host}, claimHeaders: [X-Token=t] }, { host: b.example.com, bearerFrom: [ci], bearerHeader: X-Token }]`
    expect(refused(entries, tokens)).toContain('hosts[1].bearerHeader')
  })

  it('H54: a name of people of several providers needs the provider, or the word that they are one', () => {
    const entry = (more: string) => `[{ ${host}, identityHeaders: [webauth], ${claim}${more} }]`
    expect(refused(entry(' }'), second)).toContain('people of partner, corp get in, and two of them may have one name')
    expect(settingsFor(entry(', provider: corp }'), 'a.example.com', second)?.userName?.provider).toBe('corp')
    expect(settingsFor(entry(', provider: "*" }'), 'a.example.com', second)?.userName?.provider).toBe('*')
    const one = entry(' }, providers: [partner]')
    expect(settingsFor(one, 'a.example.com', second)?.userName?.provider).toBe('partner')
    expect(refused(entry(', provider: corp }, providers: [partner]'), second)).toContain(
      'nobody of this provider gets in',
    )
  })

  it('H54: also where a wider entry has the name, and this one lets more providers in', () => {
    const entries = `[{ host: "*.example.com", providers: [corp], identityHeaders: [webauth], ${claim} } }, { ${host}, providers: [corp, partner] }]`
    expect(refused(entries, second)).toContain('hosts[1].userName.provider  is missing')
  })

  it('a collision with what a wider entry has is one as well', () => {
    const entries = `[{ host: "*.example.com", identityHeaders: [webauth] }, { ${host}, claimHeaders: [X-WEBAUTH-USER=n] }]`
    expect(refused(entries)).toContain('hosts[1].claimHeaders')
  })
})
