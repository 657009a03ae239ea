import { describe, expect, it } from 'vitest'
import { createTrustedProxies } from '../../app/fronts/trusted-proxies.ts'

const proxies = createTrustedProxies(['127.0.0.0/8', '::1/128', '10.0.0.0/8', '192.0.2.7'])

describe('a trusted proxy', () => {
  it.each(['127.0.0.1', '10.255.0.1', '::1', '::ffff:10.0.0.1', '192.0.2.7'])('%s may ask', address => {
    expect(proxies.isTrusted(address)).toBe(true)
  })

  it.each(['11.0.0.1', '192.0.2.8', '2001:db8::1', '', 'localhost', '10.0.0.1:80', '0x0a000001', '10.1', '[::1]'])(
    '%s may not ask',
    address => {
      expect(proxies.isTrusted(address)).toBe(false)
    },
  )

  it('refuses a network that does not parse', () => {
    expect(() => createTrustedProxies(['10.0.0.0/33'])).toThrow('not a network: 10.0.0.0/33')
  })
})

describe('the client address', () => {
  it('A12 is the rightmost hop that is no trusted proxy, whatever the client wrote before it', () => {
    expect(proxies.clientAddress('127.0.0.1, 203.0.113.9')).toBe('203.0.113.9')
    expect(proxies.clientAddress('10.9.9.9, 203.0.113.9, 10.0.0.2')).toBe('203.0.113.9')
    expect(proxies.clientAddress(['10.9.9.9', '203.0.113.9'].join(','))).toBe('203.0.113.9')
  })

  it('is the farthest hop when every hop is trusted', () => {
    expect(proxies.clientAddress('10.0.0.5, 10.0.0.2')).toBe('10.0.0.5')
  })

  it.each([
    ['a word', 'a'],
    ['nothing', ''],
    ['a port', '1.2.3.4:99'],
    ['brackets', '[::1]'],
    ['a zone', 'fe80::1%eth0'],
    ['octal digits', '010.0.0.1'],
    ['a short form', '10.1'],
    ['a list of 10 KB', `${'10.0.0.1,'.repeat(1200)}10.0.0.1`],
  ])('A13 is unknown when the last hop is %s', (_what, value) => {
    expect(proxies.clientAddress([value].join(','))).toBeUndefined()
  })

  it('A13 reads an IPv4 address that is mapped into IPv6', () => {
    expect(proxies.clientAddress('::ffff:203.0.113.9')).toBe('203.0.113.9')
  })

  it('A13 is unknown when a trusted hop wrote something unreadable before itself', () => {
    expect(proxies.clientAddress('203.0.113.9, nonsense, 10.0.0.2')).toBeUndefined()
  })
})
