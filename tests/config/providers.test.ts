/** Entries of `providers`: client authentication, what each needs, and what presets fill in. */
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { ConfigError, formatProblems } from '../../config/problems.ts'
import { showSettings } from '../../config/show.ts'
import { createAuthority } from '../certificates.ts'
import { requirePeer } from '../peers.ts'
import { goodSecret } from './load-text.ts'

const pemOf = (key: ReturnType<typeof generateKeyPairSync>['privateKey']): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString()
const key = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

/** JSON is YAML. */
function load(entries: readonly object[], files: Readonly<Record<string, string>> = {}) {
  const text = JSON.stringify({
    server: { url: 'https://auth.example.com' },
    providers: entries.map((entry, index) => ({
      name: `p${index}`,
      issuer: 'https://idp.example.com',
      clientId: 'sallyport',
      ...entry,
    })),
    sessions: { secret: goodSecret },
  })
  const readFile = (path: string): string => {
    const found = path === '/etc/sallyport.yaml' ? text : files[path]
    if (found === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    return found
  }
  return loadConfig({ file: 'sallyport.yaml', directory: '/etc', env: {}, allowInsecure: new Set(), readFile })
}

const provider = (entry: object, files?: Readonly<Record<string, string>>) => load([entry], files).config.providers[0]

function problems(...entries: readonly object[]): string {
  try {
    load(entries)
  } catch (error) {
    if (error instanceof ConfigError) return formatProblems(error.problems)
    throw error
  }
  return ''
}

const secret = { clientSecret: 'issued-by-corp' }

describe('client authentication', () => {
  it('takes a key out of a file with several lines, and shows it nowhere', () => {
    const entry = { clientAuthentication: 'private_key_jwt', clientKeyFile: 'key.pem', clientKeyId: 'k1' }
    const files = { '/etc/key.pem': `\n${key}\n` }
    expect(provider(entry, files)).toMatchObject({ clientKey: key.trim(), clientKeyId: 'k1' })
    expect(provider(entry, files)).not.toHaveProperty('clientSecret')
    const shown = showSettings(load([entry], files).effective)
    expect(shown).toContainEqual({
      path: 'providers[0].clientKey',
      value: '(redacted)',
      origin: expect.stringMatching(/^sallyport\.yaml:1:\d+ -> key\.pem$/),
    })
    expect(JSON.stringify(shown)).not.toContain('PRIVATE')
  })

  it('of a public client needs no secret', () => {
    expect(provider({ clientAuthentication: 'none' })).not.toHaveProperty('clientSecret')
  })

  it.each<[string, object, RegExp]>([
    ['auto without a secret', {}, /clientSecret +is missing/],
    ['client_secret_post without a secret', { clientAuthentication: 'client_secret_post' }, /clientSecret +is missing/],
    ['private_key_jwt without a key', { clientAuthentication: 'private_key_jwt' }, /clientKey +is missing/],
    [
      'tls_client_auth without a certificate',
      { clientAuthentication: 'tls_client_auth', clientKey: key },
      /clientCertificate +is missing/,
    ],
    ['none with a secret', { clientAuthentication: 'none', ...secret }, /clientSecret +is not used/],
    [
      'private_key_jwt with a secret',
      { clientAuthentication: 'private_key_jwt', clientKey: key, ...secret },
      /clientSecret +is not used/,
    ],
    ['auto with a key', { ...secret, clientKey: key }, /clientKey +is not used/],
    ['something else', { ...secret, clientAuthentication: 'client_secret_jwt' }, /expected auto, client_secret_basic/],
    [
      'a key that is none',
      { clientAuthentication: 'private_key_jwt', clientKey: 'swordfish' },
      /expected a private key in PEM: it is no private key/,
    ],
    [
      'a key that is too short',
      {
        clientAuthentication: 'private_key_jwt',
        clientKey: pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
      },
      /an RSA key has to have 2048 bits/,
    ],
    [
      'a key of another kind',
      { clientAuthentication: 'private_key_jwt', clientKey: pemOf(generateKeyPairSync('x25519').privateKey) },
      /it has to be a key for RSA/,
    ],
    [
      'a certificate that is none',
      { clientAuthentication: 'tls_client_auth', clientKey: key, clientCertificate: 'x' },
      /it is no certificate/,
    ],
  ])('%s is refused', (_name, entry, expected) => {
    const text = problems(entry)
    expect(text).toMatch(expected)
    expect(text).not.toMatch(/swordfish|PRIVATE|issued-by-corp/)
  })

  it.skipIf(requirePeer('openssl') === undefined)('needs a certificate that belongs to the key', () => {
    const authority = createAuthority('sallyport')
    try {
      const certificate = { clientAuthentication: 'tls_client_auth', clientCertificate: authority.certificate }
      expect(problems({ ...certificate, clientKey: authority.key })).toBe('')
      expect(problems({ ...certificate, clientKey: key })).toMatch(/got that of another key/)
    } finally {
      authority.close()
    }
  })
})

describe('further settings', () => {
  it('are typed', () => {
    const entry = {
      ...secret,
      authorizationParameters: ['access_type=offline', 'hd=a=b'],
      groupPrefix: 'corp:',
      emailDomains: ['Example.COM'],
      claims: { groups: 'https://example.com/groups' },
    }
    expect(provider(entry)).toMatchObject({
      authorizationParameters: { access_type: 'offline', hd: 'a=b' },
      groupPrefix: 'corp:',
      emailDomains: ['example.com'],
      claims: { groups: 'https://example.com/groups' },
    })
  })

  it.each([
    'state=x',
    'nonce=x',
    'redirect_uri=https://evil.example',
    'code_challenge=x',
    'code_challenge_method=plain',
    'response_type=token',
    'response_mode=fragment',
    'client_id=x',
    'scope=openid',
    'max_age=0',
    'request=eyJ',
    'request_uri=urn:x',
    'login_hint=a@b',
    'Scope=x',
    'prompt=none',
    'prompt=consent none',
    'noequals',
    '=x',
    'a b=c',
    'a=',
    'a=\u0001',
  ])('the parameter %j is refused', parameter => {
    expect(problems({ ...secret, authorizationParameters: [parameter] })).toContain('expected a list of name=value')
  })

  it.each<[string, readonly object[], string]>([
    ['a parameter twice', [{ ...secret, authorizationParameters: ['a=b', 'a=c'] }], 'a name of its own'],
    [
      'a domain of two providers',
      [
        { ...secret, emailDomains: ['a.example'] },
        { ...secret, emailDomains: ['A.example'] },
      ],
      'a domain of its own',
    ],
    ['a domain with a wildcard', [{ ...secret, emailDomains: ['*.a.example'] }], 'a list of domains'],
    [
      'a prefix with a slash, which would qualify the name',
      [{ ...secret, groupPrefix: 'other/' }],
      'text such as corp:',
    ],
    ['Graph for an issuer that is not Microsoft', [{ ...secret, groupsOverage: 'graph' }], 'is not Microsoft Entra ID'],
    [
      'Graph for one that looks like it',
      [{ ...secret, groupsOverage: 'graph', issuer: 'https://login.microsoftonline.com.evil.example/t/v2.0' }],
      'is not Microsoft Entra ID',
    ],
    ['a claim with an empty name', [{ ...secret, claims: { groups: 'a//b' } }], 'is empty'],
  ])('%s is refused', (_name, entries, expected) => expect(problems(...entries)).toContain(expected))
})
