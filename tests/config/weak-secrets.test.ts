/** F17: a secret from the known-weak list, shorter than 32 bytes, or a placeholder is refused. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { weaknessOf } from '../../config/checks/weak-secrets.ts'

const dataFolder = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')
const knownWeak = join(dataFolder, 'web/known-weak-secrets-sample.list')
const hasList = existsSync(knownWeak)
if (!hasList) process.stderr.write(`skipped: the list of known weak secrets is not at ${knownWeak}\n`)

const lines = (): string[] =>
  readFileSync(knownWeak, 'utf8')
    .split(/\r?\n/)
    .filter(line => line !== '')

describe('F17: weak secrets', () => {
  it.skipIf(!hasList)('every line of the known-weak list is refused', () => {
    const all = lines()
    expect(all.length).toBeGreaterThan(5000)
    expect(all.filter(line => weaknessOf(line) === undefined)).toEqual([])
  })

  it.skipIf(!hasList)('stretching a line of the list to the wanted length does not help', () => {
    const stretched = lines().flatMap(line => [
      line.repeat(Math.ceil(32 / line.length) + 1),
      line.padEnd(48, '0'),
      line.padStart(48, '='),
    ])
    expect(stretched.filter(text => weaknessOf(text) === undefined)).toEqual([])
  })

  it.each([
    ['', /bytes/],
    ['a'.repeat(31), /bytes/],
    [randomBytes(23).toString('base64url'), /bytes/],
    ['a'.repeat(64), /repeated/],
    ['abcd'.repeat(16), /repeated/],
    ['abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ', /holds too little/],
    ['0123456789abcdef0123456789abcdef0', /too little/],
    ['your-256-bit-secret-goes-here-please', /words/],
    ['CHANGEME-CHANGEME-0815-4711-Xy-Zk-99', /words/],
    ['p4ssw0rd-p4ssw0rd-Xk29fQzL-0815-4711', /words/],
    ['HMAC-key-Xk29fQzL-0815-4711-kJhGfDsA-12', /words/],
    ['S3cr3t-Xk29fQzL-0815-4711-kJhGfDsA-12', /words/],
    ['<replace this with 32 random bytes 1>', /words/],
    ['correct horse battery staple 12345 Q', /spaces/],
    ['my voice is my passport verify me now', /words|spaces/],
    ['3f2504e0-4f89-41d3-9a0c-0305e82c3301', /UUID/],
    ['d41d8cd98f00b204e9800998ecf8427e', /too little/],
    [Buffer.from('correct-horse-battery-staple-Xk29fQ').toString('base64'), /decoded/],
    [Buffer.alloc(32).toString('base64'), /words/],
    [Buffer.alloc(32, 0x5a).toString('base64'), /decoded|too little/],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64'), /decoded/],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex'), /decoded|too little/],
    [randomBytes(2000).toString('base64'), /right file/],
  ])('%j is refused', (secret, reason) => expect(weaknessOf(secret)).toMatch(reason))

  it('quotes and brackets around a published secret do not hide it', () => {
    const published = '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7'
    for (const text of [published, `"${published}"`, `[${published}]`])
      expect(weaknessOf(text)).toBe('is publicly known')
  })

  it('random bytes are taken in every usual encoding', () => {
    const encodings: ((bytes: Buffer) => string)[] = [
      bytes => bytes.toString('base64url'),
      bytes => bytes.toString('base64'),
      bytes => bytes.toString('hex'),
      bytes => bytes.toString('hex').toUpperCase(),
    ]
    const refused = encodings.flatMap(encode =>
      Array.from({ length: 500 }, () => encode(randomBytes(32))).filter(text => weaknessOf(text) !== undefined),
    )
    // Once in some ten thousand a random text spells a word; more than that would be a nuisance.
    expect(refused.length).toBeLessThanOrEqual(2)
  })

  it('four letters that turn up by chance are no word', () =>
    expect(weaknessOf('Xk29fQzLhMaC0815aWq7kJhGfDsA12vBnMyT6uRe')).toBeUndefined())

  it('no reason repeats the secret', () => {
    const secret = 'hunter2-secret-hunter2-secret-hunter2'
    expect(weaknessOf(secret)).not.toContain('hunter2')
  })
})
