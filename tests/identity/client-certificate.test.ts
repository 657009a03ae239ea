import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { thumbprintOf } from '../../app/identity/client-certificate.ts'
import { createAuthority } from '../certificates.ts'

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
