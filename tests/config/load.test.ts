/** File, environment, secret files and defaults come together in one frozen configuration. */
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { settings } from '../../config/schema/settings.ts'
import { readSecretFile } from '../../config/secret-files.ts'
import { setIn, type Tree } from '../../config/tree.ts'
import { goodSecret, loadText, minimal, nextSecret, problemsOf } from './load-text.ts'

describe('what the file leaves out has its default', () => {
  it('the smallest configuration', () => {
    const { config, warnings } = loadText(minimal)
    expect(warnings).toEqual([])
    expect(config.server).toMatchObject({
      url: 'https://auth.example.com',
      listen: { host: '127.0.0.1', port: 9180 },
      trustedProxies: ['127.0.0.0/8', '::1/128'],
      cookieName: 'sallyport',
      requestTimeoutSeconds: 10,
      shutdownTimeoutSeconds: 10,
    })
    expect(config.providers).toEqual([
      {
        name: 'corp',
        label: 'corp',
        issuer: 'https://idp.example.com',
        clientId: 'sallyport',
        preset: 'generic',
        clientSecret: 'issued-by-corp',
        clientAuthentication: 'auto',
        clientAssertionAudience: 'issuer',
        pushedRequests: 'auto',
        responseMode: 'query',
        authorizationParameters: {},
        scopes: ['openid', 'profile', 'email'],
        claims: { groups: 'groups', email: 'email', name: 'name' },
        userinfo: true,
        emailVerified: 'claim',
        groupsOverage: 'refuse',
        emailDomains: [],
        logout: { backChannel: true, frontChannel: false },
      },
    ])
    expect(config.sessions).toEqual({
      store: { kind: 'lmdb', path: '/etc/sallyport/data' },
      secrets: [goodSecret],
      lifetimeSeconds: 43_200,
      idleSeconds: 3600,
      verifyEverySeconds: 300,
      staleGraceSeconds: 3600,
      bindTo: 'none',
      cacheBytes: 64 * 1024 * 1024,
    })
    expect(config.assertion.issuer).toBe('https://auth.example.com')
    expect(config.audit).toEqual({ destination: { kind: 'stdout' }, whenFull: 'warn' })
  })

  it('a section without anything in it is a section of defaults', () => {
    expect(loadText(`${minimal}policy:\nlog: {}\n`).config.policy.directory).toBe('/etc/sallyport/policy')
  })

  it('openid is asked for once, whether or not the file says so', () => {
    const text = minimal.replace('clientId:', 'scopes: [groups, openid, groups], clientId:')
    expect(loadText(text).config.providers[0]?.scopes).toEqual(['openid', 'groups'])
  })

  it('nothing of it can be changed afterwards', () => {
    const { config } = loadText(minimal)
    expect(() => Object.assign(config.sessions, { secret: 'mine' })).toThrow(TypeError)
    expect(() => (config.server.trustedProxies as string[]).push('0.0.0.0/0')).toThrow(TypeError)
    expect(() => Object.assign(config.providers[0]?.claims ?? {}, { groups: 'x' })).toThrow(TypeError)
  })
})

describe('relative paths start at the configuration file', () => {
  it('store, policy and audit file', () => {
    const text = minimal.replace('sessions: {', 'sessions: { path: ../sessions,')
    const { config } = loadText(`${text}policy: { directory: rules }\naudit: { destination: ./audit.jsonl }\n`)
    expect(config.sessions.store).toEqual({ kind: 'lmdb', path: '/etc/sessions' })
    expect(config.policy.directory).toBe('/etc/sallyport/rules')
    expect(config.audit.destination).toEqual({ kind: 'file', path: '/etc/sallyport/audit.jsonl' })
  })
})

describe('the environment goes before the file', () => {
  it('text, lists, switches, numbers and entries of lists', () => {
    const { config } = loadText(minimal, {
      env: {
        SALLYPORT_SERVER_URL: 'https://login.example.org',
        SALLYPORT_SERVER_TRUSTED_PROXIES: '10.0.0.0/8, 192.168.0.0/16',
        SALLYPORT_POLICY_WATCH: 'false',
        SALLYPORT_LOGIN_RATE_LIMIT: '7',
        SALLYPORT_SESSIONS_IDLE: '20m',
        SALLYPORT_PROVIDERS_0_CLAIMS_GROUPS: 'realm/roles',
        SALLYPORT_PROVIDERS_0_CLIENT_ID: '1234',
      },
    })
    expect(config.server.url).toBe('https://login.example.org')
    expect(config.server.trustedProxies).toEqual(['10.0.0.0/8', '192.168.0.0/16'])
    expect(config.policy.watch).toBe(false)
    expect(config.login.requestsPerMinute).toBe(7)
    expect(config.sessions.idleSeconds).toBe(1200)
    expect(config.providers[0]).toMatchObject({ clientId: '1234', claims: { groups: 'realm/roles', email: 'email' } })
  })

  it('says everything where there is no file', () => {
    const { config } = loadText(undefined, {
      env: {
        SALLYPORT_SERVER_URL: 'https://auth.example.com',
        SALLYPORT_PROVIDERS_0_NAME: 'corp',
        SALLYPORT_PROVIDERS_0_ISSUER: 'https://idp.example.com',
        SALLYPORT_PROVIDERS_0_CLIENT_ID: 'sallyport',
        SALLYPORT_PROVIDERS_0_CLIENT_SECRET: 'issued',
        SALLYPORT_SESSIONS_SECRET: goodSecret,
        SALLYPORT_SESSIONS_STORE: 'redis',
        SALLYPORT_SESSIONS_URL_FILE: '/run/secrets/redis-url',
        SALLYPORT_SESSIONS_TIMEOUT: '250ms',
      },
    })
    expect(config.sessions.store).toEqual({
      kind: 'redis',
      url: 'rediss://sallyport:hunter2-hunter2@redis.example.com:6380',
      topology: { kind: 'single' },
      writeReplicas: 0,
      prefix: 'sallyport:',
      timeoutSeconds: 0.25,
      isCached: true,
    })
  })

  it("a secret in the environment replaces the file's, in whichever form", () => {
    const other = '6nUa1vTzF0m8q3kWc4yLr9eXbHs2dJpQo5GtKiVx7AE'
    expect(loadText(minimal, { env: { SALLYPORT_SESSIONS_SECRET: other } }).config.sessions.secrets).toEqual([other])
    const inline = minimal.replace('secretFile: /run/secrets/session', `secret: ${other}`)
    const env = { SALLYPORT_SESSIONS_SECRET_FILE: '/run/secrets/session' }
    expect(loadText(inline, { env }).config.sessions.secrets).toEqual([goodSecret])
  })

  it('an empty variable is no variable', () => {
    expect(loadText(minimal, { env: { SALLYPORT_SERVER_URL: '' } }).config.server.url).toBe('https://auth.example.com')
  })

  it('a mistake in it names the variable', () => {
    const env = { SALLYPORT_LOG_LEVEL: 'loud', SALLYPORT_POLICY_WATCH: '1', SALLYPORT_PROVIDERS_0_ISSUER: 'idp' }
    expect(formatProblems(problemsOf(minimal, { env }))).toBe(
      [
        'environment SALLYPORT_PROVIDERS_0_ISSUER  providers[0].issuer  expected an address such as https://idp.example.com, got "idp": it has to be an address that starts with https:// (or http://)',
        'environment SALLYPORT_POLICY_WATCH  policy.watch  expected true or false, got "1"',
        'environment SALLYPORT_LOG_LEVEL  log.level  expected fatal, error, warn, info or debug, got "loud"',
      ].join('\n'),
    )
  })

  it('a name that no setting has is a mistake, with the nearest one', () => {
    const env = { SALLYPORT_SESSIONS_LIVETIME: '1h', SALLYPORT_PROVIDERS_0_CLIENTSECRET: 'hunter2-hunter2' }
    const found = formatProblems(problemsOf(minimal, { env }))
    expect(found).toContain('did you mean "SALLYPORT_SESSIONS_LIFETIME"?')
    expect(found).toContain('environment SALLYPORT_PROVIDERS_0_CLIENTSECRET  there is no such setting')
    expect(found).not.toContain('hunter2')
  })

  it('the variables that Kubernetes makes for a service called sallyport are nobody’s mistake', () => {
    const env = {
      SALLYPORT_SERVICE_HOST: '10.96.0.12',
      SALLYPORT_SERVICE_PORT: '9180',
      SALLYPORT_SERVICE_PORT_CHECKS: '9180',
      SALLYPORT_PORT: 'tcp://10.96.0.12:9180',
      SALLYPORT_PORT_9180_TCP: 'tcp://10.96.0.12:9180',
      SALLYPORT_PORT_9180_TCP_ADDR: '10.96.0.12',
      SALLYPORT_REDIS_SERVICE_HOST: '10.96.0.13',
      SALLYPORT_CONFIG: '/etc/sallyport/sallyport.yaml',
    }
    expect(loadText(minimal, { env }).config.server.url).toBe('https://auth.example.com')
  })

  it('a gap in the list of providers is a mistake', () => {
    expect(formatProblems(problemsOf(minimal, { env: { SALLYPORT_PROVIDERS_2_NAME: 'other' } }))).toContain(
      'providers[1]',
    )
  })

  it('every setting has a name of its own in it', () => {
    const names = settings.map(setting => setting.environment)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toContain('SALLYPORT_SERVER_TRUSTED_PROXIES')
    expect(names).toContain('SALLYPORT_PROVIDERS_0_CLIENT_SECRET')
    expect(names.every(name => /^SALLYPORT_[A-Z0-9_]+$/.test(name))).toBe(true)
  })
})

describe('secret files', () => {
  it('hold one line, and white space around it does not count', () => {
    expect(loadText(minimal).config.sessions.secrets).toEqual([goodSecret])
    const text = minimal.replace('/run/secrets/oidc', '/run/secrets/lines')
    expect(formatProblems(problemsOf(text))).toContain('expected a file with one line: /run/secrets/lines has more')
  })

  it('hold several session secrets while one replaces another, in their order, whatever ends the lines', () => {
    const text = minimal.replace('/run/secrets/session', '/run/secrets/rotation')
    expect(loadText(text).config.sessions.secrets).toEqual([nextSecret, goodSecret])
    const inline = { SALLYPORT_SESSIONS_SECRET: `${goodSecret}\n${nextSecret}` }
    expect(loadText(minimal, { env: inline }).config.sessions.secrets).toEqual([goodSecret, nextSecret])
  })

  it('F17 are refused when one of several session secrets is weak, also one that only opens any more', () => {
    const env = { SALLYPORT_SESSIONS_SECRET: `${goodSecret}\ntoo-short\n${nextSecret}\n` }
    const [problem, ...others] = problemsOf(minimal, { env })
    expect(others).toEqual([])
    expect(problem?.message).toContain('the secret on line 2 has 9 bytes, fewer than 32')
    const many = { SALLYPORT_SESSIONS_SECRET: Array.from({ length: 9 }, () => goodSecret).join('\n') }
    expect(formatProblems(problemsOf(minimal, { env: many }))).toContain('expected at most 8 secrets')
    expect(formatProblems(problemsOf(minimal, { env: many }))).not.toContain(goodSecret)
  })

  it('that every account can read are worth a warning', () => {
    const fileMode = (path: string) => (path === '/run/secrets/oidc' ? 0o100644 : 0o100640)
    expect(loadText(minimal, { fileMode }).warnings).toEqual([
      'providers[0].clientSecretFile: every account of this machine can read /run/secrets/oidc; chmod 600 it',
    ])
  })
})

describe('certificates of an authority', () => {
  const ofAuthorities = settings.filter(({ fileOf }) => fileOf === 'ca')
  it('are those of providers and of Redis', () => {
    expect(ofAuthorities.map(({ path }) => path.join('.'))).toEqual(['providers.0.caFile', 'sessions.tls.caFile'])
  })

  it.each(ofAuthorities.map(setting => [setting.path.join('.'), setting] as const))(
    '%s may be read by every account: other programs of the machine use the same file',
    (_name, setting) => {
      const tree: Tree = {}
      setIn(tree, setting.path, 'ca.pem')
      const files = { directory: '/etc', readFile: () => 'certificates', fileMode: () => 0o100644 }
      expect(readSecretFile(tree, setting, setting.path, files)).toEqual({})
    },
  )
})

describe('what is unwise but not refused', () => {
  const redis = (url: string) => minimal.replace('sessions: {', `sessions: { store: redis, url: '${url}',`)
  it('Redis without TLS on another machine', () => {
    const [warning] = loadText(redis('redis://:hunter2-hunter2@redis.example.com')).warnings
    expect(warning).toMatch(/^sessions\.url: Redis is reached without TLS: its password/)
    expect(warning).not.toContain('hunter2')
  })

  it('not Redis on this machine or with TLS', () => {
    expect(loadText(redis('redis://127.0.0.1:6379')).warnings).toEqual([])
    expect(loadText(redis('rediss://:hunter2-hunter2@redis.example.com')).warnings).toEqual([])
  })
})

describe('a secret that YAML cannot read is not repeated in the message about it', () => {
  it.each([
    "'hunter2",
    '"hunter2',
    '"x" hunter2',
    '*hunter2',
    '!hunter2 x',
    '!<hunter2 x',
    '@hunter2',
    '%hunter2',
    '|hunter2',
    '&hunter2 *x',
    '[x]]hunter2',
    '"\\hunter2"',
    '{ hunter2',
    'hunter2: hunter2: hunter2',
  ])('%s', secret => {
    const text = minimal.replace('sessions: { secretFile: /run/secrets/session }', `sessions:\n  secret: ${secret}\n`)
    const found = formatProblems(problemsOf(text))
    expect(found).toMatch(/sallyport\.yaml:\d+:\d+/)
    expect(found).not.toContain('hunter2')
  })
})

describe('localhost needs no flag', () => {
  it.each(['http://localhost:9180', 'http://auth.localhost:8080', 'http://127.0.0.1:9180', 'http://[::1]:9180'])(
    '%s',
    url => {
      const text = minimal
        .replace('https://auth.example.com', `'${url}'`)
        .replace('https://idp.example.com', `'${url}'`)
      expect(loadText(text).config.server.url).toBe(url)
    },
  )

  it.each(['http://localhost.example.com', 'http://127.0.0.1.example.com', 'http://notlocalhost'])(
    'but %s does',
    url => {
      expect(formatProblems(problemsOf(minimal.replace('https://auth.example.com', url)))).toContain(
        '--allow-insecure-http-url',
      )
    },
  )
})
