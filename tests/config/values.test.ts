/** The value types: what is understood, and what is refused although a more lenient reader would guess. */
import { describe, expect, it } from 'vitest'
import {
  parseAddressRange,
  parseDuration,
  parseHeaderName,
  parseHostPattern,
  parseIssuer,
  parseListenAddress,
  parseOrigin,
  parseRedisUrl,
} from '../../config/schema/values.ts'

describe('a duration is a whole number and a unit', () => {
  it.each([
    ['500ms', 0.5],
    ['0s', 0],
    ['90s', 90],
    ['5m', 300],
    ['12h', 43_200],
    ['30d', 2_592_000],
  ])('%s is %d seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds))

  it.each(['', '5', 's', '5 m', '-5m', '1.5h', '1h30m', '5M', '5min', '1e3s', '٥m', '9999999999s', '5m\n'])(
    '%j is refused',
    text => expect(() => parseDuration(text)).toThrow(RangeError),
  )
})

describe('a listen address names its host', () => {
  it.each([
    ['127.0.0.1:9180', { host: '127.0.0.1', port: 9180 }],
    ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
    ['[::1]:9180', { host: '::1', port: 9180 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('%s', (text, expected) => expect(parseListenAddress(text)).toEqual(expected))

  it.each([
    ':9180',
    '9180',
    '*:9180',
    '::1:9180',
    '[127.0.0.1]:1',
    '127.1:1',
    '127.0.0.1:65536',
    '127.0.0.1:',
    'a b:1',
  ])('%j is refused', text => expect(() => parseListenAddress(text)).toThrow(RangeError))
})

describe('an address range has no bits beyond its prefix', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.7', '192.0.2.7/32'],
    ['::1', '::1/128'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('%s is %s', (text, expected) => expect(parseAddressRange(text)).toBe(expected))

  it.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '0x0a.0.0.0/8',
    '10/8',
    '*',
    '::1/129',
    'localhost',
  ])('%j is refused', text => expect(() => parseAddressRange(text)).toThrow(RangeError))
})

describe('addresses of servers', () => {
  it('an origin loses its default port and its last slash', () => {
    expect(parseOrigin('https://Auth.Example.com:443/')).toBe('https://auth.example.com')
    expect(parseOrigin('http://auth.localhost:8080')).toBe('http://auth.localhost:8080')
  })

  it.each([
    'auth.example.com',
    'ftp://auth.example.com',
    'https://auth.example.com/login',
    'https://auth.example.com?',
    'https://auth.example.com#',
    'https://auth.example.com@mallory.example',
    'https://auth.example.com.',
    'https://auth.example.com\\mallory.example',
    'https://äuth.example.com',
    ' https://auth.example.com',
    'https://auth.example.com\n',
  ])('%j is no origin', text => expect(() => parseOrigin(text)).toThrow(RangeError))

  it('an issuer stays as it is written, because it is compared character by character', () => {
    expect(parseIssuer('https://idp.example.com/tenant/')).toBe('https://idp.example.com/tenant/')
    expect(() => parseIssuer('https://idp.example.com?tenant=1')).toThrow(RangeError)
  })

  it('Redis is named by its own schemes', () => {
    expect(parseRedisUrl('rediss://user:password@redis.example.com:6380/1')).toContain('redis.example.com')
    for (const text of ['http://redis', 'redis:', 'redis.example.com:6379', 'redis://']) {
      expect(() => parseRedisUrl(text)).toThrow(RangeError)
    }
  })
})

describe('names', () => {
  it('a host pattern is a host or everything below one', () => {
    expect(parseHostPattern('App.Example.com')).toBe('app.example.com')
    expect(parseHostPattern('*.example.com')).toBe('*.example.com')
    for (const text of [
      '*',
      '*.',
      'a.*.com',
      '*example.com',
      'app.example.com:8443',
      'https://app',
      'app.example.com.',
      '',
    ]) {
      expect(() => parseHostPattern(text)).toThrow(RangeError)
    }
  })

  it('an identity header has a name that nothing else acts on', () => {
    expect(parseHeaderName('Remote-User')).toBe('Remote-User')
    for (const text of [
      'Remote_User',
      'cookie',
      'Set-Cookie',
      'HOST',
      'X-Forwarded-User',
      'Content-Length',
      'a b',
      'a\r\nb',
      '',
    ]) {
      expect(() => parseHeaderName(text)).toThrow(RangeError)
    }
  })
})
