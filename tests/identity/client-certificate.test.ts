import { X509Certificate } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { createHeaderReader } from '../../app/fronts/raw-headers.ts'
import { createCertificateReader, thumbprintOf } from '../../app/identity/client-certificate.ts'
import { createAuthority } from '../certificates.ts'
import { fc } from '../properties.ts'

const authority = createAuthority('Corp CA')
const pem = authority.issue('alice').certificate
const other = authority.issue('mallory').certificate
afterAll(() => authority.close())

const x509 = new X509Certificate(pem)
const der = x509.raw
const base64 = der.toString('base64')
/** As openssl counts it, in another spelling. */
const expected = Buffer.from(x509.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
const otherBase64 = new X509Certificate(other).raw.toString('base64')

describe('the thumbprint of a certificate', () => {
  it.each([
    ['URL-encoded PEM', encodeURIComponent(pem)],
    ['URL-encoded PEM as NGINX writes it', pem.replace(/[^A-Za-z0-9./-]/g, each => encodeURIComponent(each))],
    ['PEM on one line', pem.trim().replaceAll('\n', ' ')],
    ['PEM with its line breaks', pem],
    ['the byte sequence of RFC 9440', `:${base64}:`],
    ['bare base64', base64],
    ['bare base64, URL-encoded', encodeURIComponent(base64)],
    ['a list that starts with it', `${base64},${otherBase64}`],
    ['an URL-encoded list', encodeURIComponent(`${base64},${otherBase64}`)],
  ])('out of %s', (_, text) => {
    expect(thumbprintOf(text)).toBe(expected)
  })

  it('is another one for another certificate', () => {
    expect(thumbprintOf(`${otherBase64},${base64}`)).toMatch(/^[\w-]{43}$/)
    expect(thumbprintOf(`${otherBase64},${base64}`)).not.toBe(expected)
  })
})

it.each([
  ['no header', undefined],
  ['nothing', ''],
  ['a dash', '-'],
  ['the name of somebody', 'CN=alice'],
  ['a thumbprint', expected],
  ['two certificates as PEM', encodeURIComponent(pem + other)],
  ['two PEM with a comma', `${encodeURIComponent(pem)},${encodeURIComponent(other)}`],
  ['two byte sequences', `:${otherBase64}:, :${base64}:`],
  ['a byte sequence without its end', `:${base64}`],
  ['a byte sequence with a parameter', `:${base64}:;a=1`],
  ['an empty byte sequence', '::'],
  ['a key', pem.replaceAll('CERTIFICATE', 'PRIVATE KEY')],
  ['PEM without its end', pem.slice(0, -20)],
  ['a broken escape', `${encodeURIComponent(pem)}%E0%A4%A`],
  ['an escape twice', encodeURIComponent(encodeURIComponent(pem))],
  ['the alphabet of base64url', base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=*$/, '-_==')],
  ['a byte too few', der.subarray(0, -1).toString('base64')],
  ['a byte too many', Buffer.concat([der, Buffer.from([0])]).toString('base64')],
  ['two certificates in one', Buffer.concat([der, der]).toString('base64')],
  ['an empty sequence', Buffer.from([0x30, 0]).toString('base64')],
  ['an empty list', `,${base64}`],
  ['far too much', `${base64},${'A'.repeat(24 * 1024)}`],
])('there is none out of %s', (_, text) => {
  expect(thumbprintOf(text)).toBeUndefined()
})

describe('what conditions see of a certificate', () => {
  const read = createCertificateReader('client-cert')
  const readHeaders = createHeaderReader([])
  const of = (...values: string[]) => read(readHeaders(values.flatMap(value => ['Client-Cert', value])))
  const named = (...names: string[]) =>
    of(`:${new X509Certificate(authority.issue('alice', names).certificate).raw.toString('base64')}:`)

  it('is its fingerprint and its names', () => {
    expect(
      named('laptop.example.com', 'b.example.com', 'email:alice@example.com', 'URI:spiffe://example.com/alice'),
    ).toEqual({
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      sanDns: ['laptop.example.com', 'b.example.com'],
      sanEmail: ['alice@example.com'],
      sanUri: ['spiffe://example.com/alice'],
    })
    expect(of(encodeURIComponent(pem))).toEqual({
      fingerprint: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
      sanDns: [],
      sanEmail: [],
      sanUri: [],
    })
  })

  it('takes no name for two, and no name of another kind for one', () => {
    // As DER, for openssl itself takes no comma in a name: SEQUENCE { [6] uniformResourceIdentifier }.
    const uri = 'https://a.example.com/?x=1, DNS:admin.example.com'
    const bytes = Buffer.concat([Buffer.from([0x30, uri.length + 2, 0x86, uri.length]), Buffer.from(uri)])
    const der = `DER:${bytes.toString('hex').replaceAll(/..(?!$)/g, '$&:')}`
    expect(named(der)).toMatchObject({ sanDns: [], sanEmail: [], sanUri: [uri] })
    expect(named('IP:10.0.0.1', 'RID:1.2.3.4', 'b.example.com')).toMatchObject({
      sanDns: ['b.example.com'],
      sanUri: [],
    })
  })

  it('is null where the proxy says that there is none: no header, or an empty one', () => {
    expect(of()).toBeNull()
    expect(of('')).toBeNull()
    expect(of(' ')).toBeNull()
  })

  it.each([
    ['the header twice', [base64, base64]],
    ['an empty one beside it', ['', base64]],
    ['garbage', ['CN=alice']],
    ['cut DER', [der.subarray(0, -1).toString('base64')]],
    [
      'DER of the right length that is no certificate',
      [Buffer.concat([der.subarray(0, 4), Buffer.alloc(der.length - 4)]).toString('base64')],
    ],
  ])('is unknown, not absent, with %s', (_, values) => {
    expect(of(...values)).toBeUndefined()
  })

  it('is another one for another header, whatever was read before', () => {
    const [first, second] = [of(base64), of(otherBase64)]
    expect(first?.fingerprint).not.toBe(second?.fingerprint)
    expect([of(base64), of(otherBase64), of(`${otherBase64}A`)]).toEqual([first, second, undefined])
  })
})

it('never throws, and gives a thumbprint or nothing', () => {
  const piece = fc.constantFrom(
    pem,
    base64,
    encodeURIComponent(pem),
    ':',
    ',',
    '%',
    '%zz',
    '-----',
    '=',
    ' ',
    '\0',
    '\n',
  )
  const text = fc.array(fc.oneof(piece, fc.string()), { maxLength: 5 }).map(pieces => pieces.join(''))
  fc.assert(fc.property(text, each => /^[\w-]{43}$/.test(thumbprintOf(each) ?? 'A'.repeat(43))))
})
