/** Entries of `hosts`: how they are read, what is refused, and which of them is in force for a host. */
import { describe, expect, it } from 'vitest'
import { createHostSettings } from '../../config/host-settings.ts'
import { formatProblems } from '../../config/problems.ts'
import { showSettings } from '../../config/show.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const load = (entries: string, env: Readonly<Record<string, string>> = {}) =>
  loadText(`${minimal}\nhosts: ${entries}\n`, { env })
const refused = (entries: string, env: Readonly<Record<string, string>> = {}) =>
  formatProblems(problemsOf(`${minimal}\nhosts: ${entries}\n`, { env }))
const settingsFor = (entries: string, domain: string) => createHostSettings(load(entries).config.hosts)(domain)

describe('entries of hosts', () => {
  it('are none by default, also where only their heading stands', () => {
    expect(loadText(minimal).config.hosts).toEqual([])
    expect(load('').config.hosts).toEqual([])
  })

  it('are typed, in seconds, with canonical hosts and claims in two parts', () => {
    const entry =
      '{ host: Wiki.Example.com, maxAge: 8h, maxIdle: 15m, providers: [corp], assertionClaims: [t=org/team] }'
    expect(load(`[${entry}]`).config.hosts).toEqual([
      {
        host: 'wiki.example.com',
        maxAgeSeconds: 28_800,
        maxIdleSeconds: 900,
        providers: ['corp'],
        assertionClaims: [{ name: 't', path: 'org/team' }],
      },
    ])
  })

  it('come from the environment as well, each by its place', () => {
    const env = {
      SALLYPORT_HOSTS_0_MAX_AGE: '1h',
      SALLYPORT_HOSTS_1_HOST: '*.example.com',
      SALLYPORT_HOSTS_1_ASSERTION_CLAIMS: 'a=b, c=d/e',
    }
    expect(load('[{ host: a.example.com, maxAge: 2h }]', env).config.hosts).toEqual([
      { host: 'a.example.com', maxAgeSeconds: 3600 },
      {
        host: '*.example.com',
        assertionClaims: [
          { name: 'a', path: 'b' },
          { name: 'c', path: 'd/e' },
        ],
      },
    ])
  })

  it('are shown with the place that each setting came from', () => {
    const { effective } = load('[{ host: a.example.com }, { host: b.example.com }]', {
      SALLYPORT_HOSTS_1_MAX_AGE: '2h',
    })
    expect(showSettings(effective).filter(({ path }) => path.startsWith('hosts'))).toEqual([
      { path: 'hosts[0].host', value: 'a.example.com', origin: 'sallyport.yaml:6:17' },
      { path: 'hosts[1].host', value: 'b.example.com', origin: 'sallyport.yaml:6:42' },
      { path: 'hosts[1].maxAge', value: '2h', origin: 'environment SALLYPORT_HOSTS_1_MAX_AGE' },
    ])
  })

  const host = 'host: a.example.com'
  it.each([
    [
      'a host twice, in any spelling',
      `[{ ${host} }, { host: A.example.com }]`,
      'hosts[1].host  expected a host of its',
    ],
    ['an entry without a host', '[{ maxAge: 1h }]', 'hosts[0].host  is missing: expected a host such as'],
    ['a host with a port', '[{ host: a.example.com:8443 }]', 'hosts[0].host  expected a host such as'],
    ['a star that is no label', '[{ host: "*example.com" }]', 'hosts[0].host  expected a host such as'],
    [
      'an unknown provider',
      `[{ ${host}, providers: [crop] }]`,
      'hosts[0].providers[0]  there is no such provider; did you',
    ],
    ['no provider at all', `[{ ${host}, providers: [] }]`, 'hosts[0].providers  expected a list of names of providers'],
    ['an idle time that cannot be measured', `[{ ${host}, maxIdle: 90s }]`, 'the least is 120s'],
    ['a claim without a path', `[{ ${host}, assertionClaims: [team] }]`, 'it has to be a name, = and a path'],
    ['a claim with an empty step', `[{ ${host}, assertionClaims: [a=b//c] }]`, 'it has to be a name, = and a path'],
    ['a star within the name of a group', `[{ ${host}, groups: ["*-editors"] }]`, 'stands at the end alone'],
    ['a group without a name', `[{ ${host}, groups: [""] }]`, 'a name without white space around it'],
    ['two claims of one name', `[{ ${host}, assertionClaims: [a=b, a=c] }]`, 'got that of another claim'],
    [
      'an unknown setting',
      `[{ ${host}, maxage: 1h }]`,
      'hosts[0].maxage  there is no such setting; did you mean "maxAge"?',
    ],
    ['no list', '{ a.example.com: {} }', 'hosts  expected a list of hosts, each starting with - host: …'],
    ['no sections', '[a.example.com]', 'hosts[0]  expected settings such as host, maxAge, maxIdle'],
  ])('are refused with %s', (_what, entries, message) => expect(refused(entries)).toContain(message))

  it('are refused with a place in the environment that leaves a gap', () => {
    expect(refused('[]', { SALLYPORT_HOSTS_1_HOST: 'a.example.com' })).toContain('hosts[0]  is missing')
  })

  const reserved = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'cnf', 'sid', 'email', 'email_verified']
  it.each([...reserved, 'name', 'groups', 'groups_omitted', 'auth_time', 'amr', 'acr'])(
    'cannot give a claim the name %s, which an upstream acts on',
    name =>
      expect(refused(`[{ ${host}, assertionClaims: [${name}=nick] }]`)).toContain('already has a meaning of its own'),
  )

  it('cannot give a claim a name that changes the object it stands in', () => {
    expect(refused(`[{ ${host}, assertionClaims: [__proto__=x] }]`)).toContain('has to start with a letter')
  })
})

describe('the settings in force for a host', () => {
  const nested = `[
    { host: wiki.eu.example.com, assertionClaims: [a=a] },
    { host: "*.example.com", maxAge: 8h, maxIdle: 1h },
    { host: "*.eu.example.com", maxAge: 1h, providers: [corp] } ]`

  it('are none where no entry fits', () => {
    expect(settingsFor(nested, 'example.org')).toEqual({})
    expect(settingsFor(nested, 'badexample.com')).toEqual({})
    expect(settingsFor('[]', 'wiki.example.com')).toEqual({})
  })

  it('reach every host below a pattern, and not the host itself', () => {
    expect(settingsFor(nested, 'a.b.example.com')).toEqual({ maxAgeSeconds: 28_800, maxIdleSeconds: 3600 })
    expect(settingsFor(nested, 'example.com')).toEqual({})
  })

  it('come each from the most exact entry that holds it, whatever the order of the file', () => {
    const below = { maxAgeSeconds: 3600, maxIdleSeconds: 3600, providers: ['corp'] }
    expect(settingsFor(nested, 'app.eu.example.com')).toEqual(below)
    expect(settingsFor(nested, 'wiki.eu.example.com')).toEqual({
      ...below,
      assertionClaims: [{ name: 'a', path: 'a' }],
    })
  })

  it('can be told apart by identity and changed by nobody', () => {
    const find = createHostSettings(load(nested).config.hosts)
    expect(find('a.example.com')).toBe(find('b.example.com'))
    expect(find('nowhere')).toBe(find('elsewhere'))
    expect(() => Object.assign(find('a.example.com'), { maxAgeSeconds: 1 })).toThrow(TypeError)
  })
})
