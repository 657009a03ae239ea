/** The seal against an independent reading of its format, and what it needs to open. */
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSeal, digestOf } from '../../app/sessions/records/seal.ts'
import { fc } from '../properties.ts'
import { secrets } from './fixtures.ts'

const seal = createSeal(secrets)
const id = 'the id of a session'
const plaintext = Buffer.from('alice is in ops')

/** docs/reference/store-keys.md, written down a second time. */
function openByTheBook(sealed: Buffer, salt: string): Buffer {
  const key = Buffer.from(hkdfSync('sha256', secrets[0] ?? '', salt, 'sallyport/seal/1/session', 32))
  const digest = createHash('sha256').update(`session\0${id}`).digest('base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13))
  decipher.setAAD(Buffer.from(`session\0${digest}`))
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(13, -16)), decipher.final()])
}

test('a value is sealed exactly as the reference says', () => {
  const sealed = seal.seal('session', id, plaintext)
  expect(sealed[0]).toBe(1)
  expect(openByTheBook(sealed, id).toString()).toBe('alice is in ops')
})

test('the master secret and the key in the store do not open a record without its id', () => {
  const sealed = seal.seal('session', id, plaintext)
  for (const known of ['', digestOf('session', id)]) expect(() => openByTheBook(sealed, known)).toThrow()
})

test('the same value is never sealed the same way twice', () => {
  expect(seal.seal('session', id, plaintext)).not.toEqual(seal.seal('session', id, plaintext))
})

test('F12 whatever bytes stand in the store, opening them never throws', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), bytes => seal.unseal('session', id, bytes) === undefined))
  const versioned = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.concat([Buffer.of(1), bytes]))
  fc.assert(fc.property(versioned, bytes => seal.unseal('session', id, bytes) === undefined))
})

test('a value of one kind or id is none of another', () => {
  const sealed = seal.seal('session', id, plaintext)
  expect(seal.unseal('session', id, sealed)).toEqual(plaintext)
  expect(seal.unseal('ticket', id, sealed)).toBeUndefined()
  expect(seal.unseal('session', `${id} `, sealed)).toBeUndefined()
})

test('no secret is no seal', () => {
  expect(() => createSeal([])).toThrow('at least one secret')
})
