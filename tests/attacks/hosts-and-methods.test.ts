/** Abuse cases C (hosts) and D02 (methods), as the canonicaliser reads them. */

import { describe, expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import { anonymous } from '../../rbac/identity.ts'
import { canonicalise, canonicaliseUrl, MalformedRequestError } from '../../rbac/request/access-request.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'

/** The canonical domain, or the refused part. */
function read(host: string, scheme = 'https'): string {
  try {
    return canonicalise({ method: 'GET', scheme, host, target: '/' }).domain
  } catch (error) {
    if (error instanceof MalformedRequestError) return `refused: ${error.part}`
    throw error
  }
}

const refused = 'refused: host'

describe('what a host becomes', () => {
  test.each([
    ['C01', 'APP.Example.COM', 'app.example.com'],
    ['C01', 'a.B.example.com', 'a.b.example.com'],
    ['C02', 'app.example.com.', 'app.example.com'],
    ['C02', 'app.example.com..', refused],
    ['C02', '.app.example.com', refused],
    ['C02', 'app..example.com', refused],
    ['C02', '.', refused],
    ['C03', 'app.example.com:443', 'app.example.com'],
    ['C03', 'app.example.com:80', 'app.example.com'],
    ['C03', 'app.example.com.:8443', 'app.example.com'],
    ['C03', 'app.example.com:', refused],
    ['C03', 'app.example.com:0', refused],
    ['C03', 'app.example.com:0443', refused],
    ['C03', 'app.example.com:65536', refused],
    ['C03', 'app.example.com:443:443', refused],
    ['C03', 'app.example.com:https', refused],
    ['C03', 'app.example.com:-1', refused],
    ['C03', 'app.example.com:+443', refused],
    ['C04', 'app.example.com@evil.com', refused],
    ['C04', 'evil.com#app.example.com', refused],
    ['C04', 'evil.com?app.example.com', refused],
    ['C04', 'evil.com/app.example.com', refused],
    ['C04', 'evil.com\\app.example.com', refused],
    ['C04', 'good.example.com, evil.com', refused],
    ['C06', '\uff45xample.com', refused],
    ['C06', 'ex\u00e4mple.com', refused],
    ['C06', '\u212aelvin.example.com', refused],
    ['C06', 'app\u3002example.com', refused],
    ['C06', 'app%2eexample.com', refused],
    ['C06', 'xn--exmple-cua.com', 'xn--exmple-cua.com'],
    ['C06', 'XN--EXMPLE-CUA.com', 'xn--exmple-cua.com'],
    ['C07', '127.0.0.1', '127.0.0.1'],
    ['C07', '127.1', refused],
    ['C07', '0x7f.1', refused],
    ['C07', '0x7f000001', refused],
    ['C07', '2130706433', refused],
    ['C07', '0177.0.0.1', refused],
    ['C07', '127.0.0.01', refused],
    ['C07', '256.0.0.1', refused],
    ['C07', '1.2.3.4.5', refused],
    ['C07', 'app.example.1', refused],
    ['C07', '[::1]', '[::1]'],
    ['C07', '[2001:DB8::1]:8443', '[2001:db8::1]'],
    ['C07', '[0:0:0:0:0:0:0:1]', refused],
    ['C07', '[::01]', refused],
    ['C07', '[::ffff:127.0.0.1]', refused],
    ['C07', '[::ffff:7f00:1]', refused],
    ['C07', '[fe80::1%25eth0]', refused],
    ['C07', '[::1', refused],
    ['C07', '::1', refused],
    ['C07', '[app.example.com]', refused],
    ['C07', '[]', refused],
    ['C08', '', refused],
    ['C08', ' ', refused],
    ['C08', 'app.example.com ', refused],
    ['C08', 'app\texample.com', refused],
    ['C08', 'app.example.com\r\nx: y', refused],
    ['C08', 'my_app.example.com', refused],
    ['C08', '-app.example.com', refused],
    ['C08', 'app-.example.com', refused],
    ['C08', `${'a'.repeat(64)}.com`, refused],
    ['C08', `${'a.'.repeat(127)}com`, refused],
    ['C08', '*.example.com', refused],
    ['C08', '*', refused],
    ['C08', 'console', refused],
    ['C08', 'kube:prod', refused],
  ])('%s %j is %s', (_, host, expected) => {
    expect(read(host)).toBe(expected)
  })

  test('C03 a port other than the default stays in the address and out of the domain', () => {
    const request = canonicaliseUrl('GET', 'https://App.example.com:8443/a?b')
    expect(request).toEqual({
      domain: 'app.example.com',
      resource: '/a',
      action: 'GET',
      url: 'https://app.example.com:8443/a?b',
    })
    expect(canonicaliseUrl('GET', 'http://app.example.com:80/').url).toBe('http://app.example.com/')
    expect(canonicaliseUrl('GET', 'https://app.example.com:80/').url).toBe('https://app.example.com:80/')
  })

  test('C08 an underscore is accepted for the hosts that are named', () => {
    const options = { allowUnderscore: (domain: string) => domain === 'my_app.example.com' }
    expect(canonicaliseUrl('GET', 'https://My_App.example.com/', options).domain).toBe('my_app.example.com')
    expect(() => canonicaliseUrl('GET', 'https://your_app.example.com/', options)).toThrow(MalformedRequestError)
  })

  test('a canonical host is its own canonical form', () => {
    const piece = fc.constantFrom(
      'a',
      'B',
      '0',
      '1',
      '127',
      '.',
      '..',
      '-',
      '_',
      ':',
      ':443',
      ':8080',
      '[',
      ']',
      '::1',
      'xn--',
      'é',
      '@',
      '/',
      'com',
    )
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), pieces => {
        const domain = read(pieces.join(''))
        if (!domain.startsWith('refused')) expect(read(domain)).toBe(domain)
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('C11 addresses', () => {
  test.each([
    ['https://u:p@app.example.com/', 'host'],
    ['https://u@app.example.com/', 'host'],
    ['https://app.example.com', 'path'],
    ['https://app.example.com?x=/', 'host'],
    ['https://app.example.com#/', 'host'],
    ['https:///app.example.com/', 'host'],
    ['https:/app.example.com/', 'scheme'],
    ['app.example.com/', 'scheme'],
    ['//app.example.com/', 'scheme'],
    ['ftp://app.example.com/', 'scheme'],
    ['javascript://app.example.com/', 'scheme'],
    ['HTTPS://app.example.com/', 'scheme'],
    ['https ,http://app.example.com/', 'scheme'],
    ['://app.example.com/', 'scheme'],
    ['/x?u=https://app.example.com/', 'scheme'],
    ['https:\\\\app.example.com/', 'scheme'],
    ['https://app.example.com\\/', 'host'],
    [' https://app.example.com/', 'scheme'],
    ['', 'scheme'],
    [`https://${'a'.repeat(70_000)}`, 'length'],
  ])('%j is refused for its %s', (url, part) => {
    expect(() => canonicaliseUrl('GET', url)).toThrow(expect.objectContaining({ name: 'MalformedRequestError', part }))
  })

  test('a refusal never quotes what was sent', () => {
    const secret = 'hunter2'
    for (const url of [`https://u:${secret}@a/`, `https://a/${secret};`, `${secret}://a/`, `https://${secret}..a/`]) {
      expect(() => canonicaliseUrl(secret, url)).toThrow(MalformedRequestError)
      try {
        canonicaliseUrl('GET', url)
      } catch (error) {
        expect(String(error)).not.toContain(secret)
      }
    }
  })
})

describe('C05 a wildcard covers whole labels', () => {
  test.each([
    ['app.example.com', 'allow'],
    ['a.b.example.com', 'allow'],
    ['example.com', 'deny'],
    ['evilexample.com', 'deny'],
    ['example.com.evil.tld', 'deny'],
    ['notapp.example.org', 'deny'],
  ])('%s: %s', async (host, effect) => {
    const policy = await policyOf('p, anyone, *.example.com, /**, *, -, allow')
    expect(
      decide({ request: canonicaliseUrl('GET', `https://${host}/`), identity: anonymous, context: { now: 0 } }, policy)
        .effect,
    ).toBe(effect)
  })

  test('C09 a host that no row names is denied', async () => {
    const policy = await policyOf('p, anyone, app.example.com, /**, *, -, allow')
    const decision = decide(
      { request: canonicaliseUrl('GET', 'https://other.example.com/'), identity: anonymous, context: { now: 0 } },
      policy,
    )
    expect(decision).toMatchObject({ effect: 'deny', reason: 'no-policy-for-domain' })
  })
})

describe('D02 methods', () => {
  test.each([
    'get',
    'Get',
    'GET ',
    ' GET',
    'GET\tX',
    'GET$$GET',
    'GET,POST',
    'GET\r\n',
    'G\u00c9T',
    '',
    '*',
    'read',
    'custom:GET',
    '-GET',
    'GET-',
    'GET--GET',
    'RPC_IN_DATA',
    'A'.repeat(21),
    'A'.repeat(1024),
    // Its target is an authority, never a path.
    'CONNECT',
  ])('%j is refused', method => {
    const refusal = expect.objectContaining({ part: 'method' })
    expect(() => canonicaliseUrl(method, 'https://app.example.com/')).toThrow(refusal)
  })

  test.each(['GET', 'HEAD', 'PROPFIND', 'BASELINE-CONTROL', 'VERSION-CONTROL', 'M-SEARCH', 'A'.repeat(20)])(
    '%s is a method',
    method => {
      expect(canonicaliseUrl(method, 'https://app.example.com/').action).toBe(method)
    },
  )

  test('H03 a separator in a path or method meets no other request', async () => {
    const policy = await policyOf('p, anyone, app.example.com, /x$$GET, GET, -, allow')
    const ask = (url: string) =>
      decide({ request: canonicaliseUrl('GET', url), identity: anonymous, context: { now: 0 } }, policy).effect
    expect(ask('https://app.example.com/x$$GET')).toBe('allow')
    expect(ask('https://app.example.com/x')).toBe('challenge')
  })
})

describe('D05 HEAD is never wider than GET', () => {
  test.each([
    ['GET', 'allow'],
    ['GET', 'deny'],
    ['read', 'allow'],
    ['read', 'deny'],
    ['*', 'deny'],
    ['HEAD', 'deny'],
    ['GET|POST', 'deny'],
  ])('with a row that says %s %s', async (action, effect) => {
    const everything = effect === 'deny' ? 'p, anyone, app.example.com, /**, *, -, allow\n' : ''
    const policy = await policyOf(`${everything}p, anyone, app.example.com, /**, ${action}, -, ${effect}`)
    const ask = (method: string) =>
      decide(
        { request: canonicaliseUrl(method, 'https://app.example.com/x'), identity: anonymous, context: { now: 0 } },
        policy,
      )
    if (ask('HEAD').effect === 'allow') expect(ask('GET').effect).toBe('allow')
    expect([ask('GET').effect, ask('HEAD').effect]).toContain(effect)
  })
})
