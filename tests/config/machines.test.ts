/** The issuers of bearer tokens and the hosts that take them: how they are read, and what is refused. */
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { showSettings } from '../../config/show.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const prod =
  'name: prod, kind: kubernetes, issuer: "https://kubernetes.default.svc", audience: sallyport, jwksFile: prod.json'
const text = (issuers: string, hosts = '[{ host: wiki.example.com, bearerFrom: [prod] }]', more = '') =>
  `${minimal}\nmachines: { issuers: ${issuers} }\nhosts: ${hosts}\n${more}`
const problems = (...given: Parameters<typeof text>) =>
  formatProblems(problemsOf(text(...given)))
    .trim()
    .split('\n')
    .map(line => line.replace(/^\S+\s+/, '').replace(/\s+/g, ' '))

describe('the section machines', () => {
  it('is absent unless it is written', () => {
    expect(loadText(minimal).config).not.toHaveProperty('machines')
  })

  it('is typed, in seconds, with absolute paths and one source of keys for each issuer', () => {
    const usual = {
      audience: 'sallyport',
      otherAudiences: [],
      algorithms: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
      maxLifetimeSeconds: 86_400,
      clockToleranceSeconds: 30,
    }
    const { config } = loadText(
      text(`[
        { ${prod} },
        { name: staging, kind: kubernetes, issuer: "https://kubernetes.default.svc", audience: sallyport, cluster: lab,
          jwksUri: "https://10.0.0.1:6443/openid/v1/jwks", caFile: ca.crt, tokenFile: /run/token, maxLifetime: 1h },
        { name: github, kind: github-actions, issuer: "https://token.actions.githubusercontent.com", audience: sallyport }
      ]`),
    )
    expect(config.machines?.issuers).toEqual([
      {
        ...usual,
        name: 'prod',
        kind: 'kubernetes',
        issuer: 'https://kubernetes.default.svc',
        cluster: 'prod',
        keys: { kind: 'file', path: '/etc/sallyport/prod.json' },
      },
      {
        ...usual,
        name: 'staging',
        kind: 'kubernetes',
        issuer: 'https://kubernetes.default.svc',
        cluster: 'lab',
        maxLifetimeSeconds: 3600,
        keys: {
          kind: 'address',
          url: 'https://10.0.0.1:6443/openid/v1/jwks',
          caPath: '/etc/sallyport/ca.crt',
          tokenPath: '/run/token',
        },
      },
      {
        ...usual,
        name: 'github',
        kind: 'github-actions',
        issuer: 'https://token.actions.githubusercontent.com',
        cluster: 'github',
        keys: { kind: 'discovery' },
      },
    ])
  })

  const github =
    'name: github, kind: github-actions, issuer: "https://token.actions.githubusercontent.com", audience: s'
  const corp = 'name: corp, kind: openid, issuer: "https://idp.example.com"'
  const other = 'name: other, kind: generic, issuer: "https://other.example", audience: s'
  it.each([
    [
      'no audience',
      `[{ ${prod.replace('audience: sallyport, ', '')} }]`,
      'machines.issuers[0].audience is missing: expected text such as sallyport',
    ],
    [
      'the audience of the API server',
      `[{ ${prod.replace('audience: sallyport', 'audience: "https://kubernetes.default.svc"')} }]`,
      'machines.issuers[0].audience expected an audience of its own, such as sallyport, got that of the API server',
    ],
    [
      'the audience of an API server of another name',
      `[{ ${prod.replace('audience: sallyport', 'audience: kubernetes.default.svc.cluster.local')} }]`,
      'machines.issuers[0].audience expected an audience of its own, such as sallyport, got that of the API server',
    ],
    [
      'the client of a provider as audience',
      `[{ ${prod} }, { ${corp}, audience: sallyport }]`,
      'machines.issuers[1].audience expected an audience of its own, got the clientId of a provider: that is whom ID tokens are for',
    ],
    [
      'an algorithm of shared secrets',
      `[{ ${prod}, algorithms: [HS256] }]`,
      'machines.issuers[0].algorithms[0] expected a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, got "HS256"',
    ],
    [
      'no keys of a cluster',
      `[{ ${prod.replace(', jwksFile: prod.json', '')} }]`,
      'machines.issuers[0].jwksUri is missing: expected it, or jwksFile, for a cluster',
    ],
    [
      'keys from two places',
      `[{ ${prod}, jwksUri: "https://10.0.0.1/jwks" }]`,
      'machines.issuers[0].jwksUri expected nothing: jwksFile holds the keys',
    ],
    [
      'a token for whatever discovery names',
      `[{ ${prod} }, { ${other}, tokenFile: /run/token }]`,
      'machines.issuers[1].tokenFile expected nothing: it is sent to jwksUri alone',
    ],
    [
      'one name twice',
      `[{ ${prod} }, { ${prod} }]`,
      'machines.issuers[1].name expected a name of its own, got that of another issuer',
    ],
    [
      'one cluster twice',
      `[{ ${prod} }, { ${prod.replace('name: prod', 'name: two, cluster: prod')} }]`,
      'machines.issuers[1].cluster expected a cluster of its own, got that of another issuer',
    ],
    [
      'one issuer of two kinds',
      `[{ ${prod} }, { ${other.replace('https://other.example', 'https://kubernetes.default.svc')} }]`,
      'machines.issuers[1].issuer expected an issuer of its own: only kubernetes issuers may share one, told apart by their keys',
    ],
    [
      'the name of a provider of another issuer',
      `[{ ${prod} }, { ${other.replace('name: other', 'name: corp')} }]`,
      'machines.issuers[1].name expected a name of its own, got that of a provider with another issuer',
    ],
    [
      'people of no provider',
      `[{ ${prod} }, { ${corp}, audience: s, provider: crop }]`,
      'machines.issuers[1].provider there is no such provider; did you mean "corp"?',
    ],
    [
      'people of another issuer',
      `[{ ${prod} }, { ${corp.replace('corp', 'elsewhere').replace('idp.', '')}, audience: s, provider: corp }]`,
      'machines.issuers[1].provider expected a provider with the same issuer',
    ],
    [
      'introspection of a cluster',
      `[{ ${prod}, introspection: { clientId: a, clientSecret: b } }]`,
      'machines.issuers[0].introspection expected nothing: it is for openid',
    ],
    [
      'a review of a provider',
      `[{ ${prod} }, { ${corp}, audience: s, review: { server: "https://10.0.0.1", tokenFile: t } }]`,
      'machines.issuers[1].review expected nothing: it is for kubernetes',
    ],
    [
      'a review without TLS',
      `[{ ${prod}, review: { server: "http://10.0.0.1", tokenFile: t } }]`,
      expect.stringContaining('machines.issuers[0].review.server'),
    ],
    [
      'introspection by nobody',
      `[{ ${prod} }, { ${corp}, audience: s, introspection: { clientId: a } }]`,
      'machines.issuers[1].introspection.clientSecret is missing: expected clientSecretFile with the name of a file, or clientSecret',
    ],
    [
      'introspection that everybody on the way reads',
      `[{ ${prod} }, { ${corp}, audience: s, introspection: { clientId: a, clientSecret: b, endpoint: "http://10.0.0.1/i" } }]`,
      'machines.issuers[1].introspection.endpoint expected an https address; http is for localhost only (--allow-insecure-http-issuer to accept it)',
    ],
    [
      'a cluster of GitHub',
      `[{ ${prod} }, { ${github}, cluster: prod }]`,
      'machines.issuers[1].cluster expected nothing: it is for kubernetes',
    ],
    [
      'a claim of a cluster',
      `[{ ${prod}, clientClaim: sub }]`,
      'machines.issuers[0].clientClaim expected nothing: it is for github-actions, gitlab-ci, generic',
    ],
    [
      'keys over plain http',
      `[{ ${prod} }, { ${other.replace('https', 'http')} }]`,
      'machines.issuers[1].issuer expected an https address; http is for localhost only (--allow-insecure-http-issuer to accept it)',
    ],
  ])('is refused with %s', (_what, issuers, problem) => {
    expect(problems(issuers)).toContainEqual(problem)
  })

  it('J55 refuses two issuers with introspection on one host: an opaque token does not say whose it is', () => {
    const asked = 'audience: s, introspection: { clientId: a, clientSecret: b }'
    const both = `[{ ${corp}, ${asked} }, { ${corp.replaceAll('corp', 'elsewhere').replace('idp.', '')}, ${asked} }]`
    expect(problems(both, '[{ host: wiki.example.com, bearerFrom: [corp, elsewhere] }]')).toEqual([
      expect.stringContaining(
        'hosts[0].bearerFrom expected at most one issuer with introspection: an opaque token does not say whose it is',
      ),
    ])
    const apart =
      '[{ host: wiki.example.com, bearerFrom: [corp] }, { host: shop.example.com, bearerFrom: [elsewhere] }]'
    expect(loadText(text(both, apart)).config.machines?.issuers).toHaveLength(2)
  })

  it('J20 shows no secret of a client that asks', () => {
    const asked = `${corp}, audience: s, introspection: { clientId: a, clientSecret: "of-nobody-else" }`
    const { config, effective } = loadText(text(`[{ ${prod} }, { ${asked} }]`))
    expect(config.machines?.issuers[1]?.introspection).toEqual({
      clientId: 'a',
      clientSecret: 'of-nobody-else',
      cacheForSeconds: 30,
      alsoJwts: false,
      clientsWithoutSub: false,
    })
    expect(JSON.stringify(showSettings(effective))).not.toContain('of-nobody-else')
  })

  it('tells that a claim which is shared makes one client of many', () => {
    const { warnings } = loadText(text(`[{ ${prod} }, { ${github}, clientClaim: repository }]`))
    expect(warnings).toEqual([
      'machines.issuers[1].clientClaim: every job with the same repository is one client, whatever its branch, environment or trigger: ask for these in conditions',
    ])
  })

  it('lets no person around the certificate that sessions are bound to', () => {
    const bound = '\nsessions: { bindTo: client-certificate, secretFile: /run/secrets/session }'
    const bare = `${minimal}\nmachines: { issuers: [{ ${corp}, audience: s, provider: corp }] }`
    const found = formatProblems(problemsOf(`${bare.replace(/\nsessions:.*/, '')}${bound}`))
    expect(found).toContain('expected nothing beside sessions.bindTo: a token is not bound to the certificate')
  })
})

describe('a host that takes tokens', () => {
  it.each([
    [
      'of nobody',
      '[{ host: wiki.example.com, bearerFrom: [pord] }]',
      'hosts[0].bearerFrom[0] there is no such issuer; did you mean "prod"?',
    ],
    [
      'in the header of an identity',
      '[{ host: a.example.com, bearerFrom: [prod], bearerHeader: Remote-User }]',
      'hosts[0].bearerHeader it has to be',
    ],
    [
      'in a header of proxies',
      '[{ host: a.example.com, bearerFrom: [prod], bearerHeader: X-Forwarded-Token }]',
      'hosts[0].bearerHeader',
    ],
    ['in the cookie', '[{ host: a.example.com, bearerFrom: [prod], bearerHeader: Cookie }]', 'hosts[0].bearerHeader'],
    [
      'without anybody to take them from',
      '[{ host: a.example.com, bearerAudience: x }]',
      'hosts[0].bearerAudience expected nothing: no host has bearerFrom',
    ],
    [
      'an audience of tokens that are for the host itself',
      '[{ host: a.example.com, bearerFrom: [sallyport], bearerAudience: x }]',
      'hosts[0].bearerAudience expected nothing: tokens of sallyport are for the host itself',
    ],
  ])('is refused %s', (_what, hosts, problem) => {
    expect(problems(`[{ ${prod} }]`, hosts).join('\n')).toContain(problem.replace(' it has to be', ''))
  })

  it('says so with names, and whatever else of its own', () => {
    const hosts =
      '[{ host: a.example.com, bearerFrom: [prod], bearerAudience: "https://a.example.com", bearerHeader: X-Machine-Token }]'
    expect(loadText(text(`[{ ${prod} }]`, hosts)).config.hosts).toEqual([
      {
        host: 'a.example.com',
        bearerFrom: ['prod'],
        bearerAudience: 'https://a.example.com',
        bearerHeader: 'x-machine-token',
      },
    ])
  })
})
