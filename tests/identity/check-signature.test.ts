/** The check of signatures answers as jose's own, whatever key, algorithm or token comes. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { compactVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { verifyCompact } from '../../app/identity/token/check-signature.ts'
import { keySetOf } from '../../app/identity/token/issuer-keys.ts'
import { readToken } from '../../app/identity/token/read-token.ts'
import { fc } from '../properties.ts'

const keys = {
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  other256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  k256: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  weakRsa: generateKeyPairSync('rsa', { modulusLength: 1024 }),
  ed: generateKeyPairSync('ed25519'),
}
type KeyName = keyof typeof keys
const anyKey = fc.constantFrom(...(Object.keys(keys) as KeyName[]))
const keyName = fc.oneof({ weight: 3, arbitrary: fc.constant<KeyName>('p256') }, anyKey)
const algorithm = fc.oneof(
  { weight: 5, arbitrary: fc.constant('ES256') },
  fc.constantFrom('ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'HS256', 'none'),
)

const base64url = (text: string): string => Buffer.from(text).toString('base64url')

function signed(text: string, key: KeyObject, dsaEncoding: 'der' | 'ieee-p1363'): Buffer {
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return sign(digest, Buffer.from(text), { key, dsaEncoding })
}

/** What somebody may do to a signature. */
const mutations: Readonly<Record<string, (signature: Buffer) => Buffer>> = {
  none: signature => signature,
  zero: signature => Buffer.alloc(signature.length),
  zeroR: signature => Buffer.concat([Buffer.alloc(32), signature.subarray(32)]),
  zeroS: signature => Buffer.concat([signature.subarray(0, 32), Buffer.alloc(32)]),
  short: signature => signature.subarray(0, -1),
  long: signature => Buffer.concat([signature, Buffer.alloc(1)]),
  padded: signature =>
    Buffer.concat([Buffer.alloc(1), signature.subarray(0, 32), Buffer.alloc(1), signature.subarray(32)]),
  flipped: signature => Buffer.from(signature.map((byte, index) => (index === 9 ? byte ^ 1 : byte))),
  halves: signature => Buffer.concat([signature.subarray(32), signature.subarray(0, 32)]),
  order: () => Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2), 'hex'),
}

const attempt = fc.record({
  published: keyName,
  signer: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, anyKey),
  algorithm,
  dsaEncoding: fc.constantFrom('ieee-p1363', 'ieee-p1363', 'ieee-p1363', 'der'),
  mutation: fc.constantFrom('none', 'none', 'none', 'none', ...Object.keys(mutations)),
  kid: fc.constantFrom('a', 'a', 'a', 'b', undefined),
  use: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(undefined, 'sig') }, fc.constant('enc')),
  alg: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom('ES256', 'RS256', 'ES384')),
  key_ops: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(undefined, ['verify']) },
    fc.constantFrom(['sign'], [], ['verify', 'verify'], ['verify', 'sign']),
  ),
  isTwice: fc.constantFrom(...Array<boolean>(9).fill(false), true),
  isOtherText: fc.constantFrom(false, false, false, true),
  algorithms: fc.constantFrom(['ES256'], ['RS256', 'ES256', 'PS256', 'EdDSA'], ['ES256', 'ES384'], ['RS256']),
})

const outcome = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'believed',
    (error: unknown) => (error as { code?: string }).code ?? 'error',
  )

describe('the signature of a token', () => {
  it('is judged as jose judges it, whatever comes', async () => {
    const seen = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(attempt, async tried => {
        const { published, signer = published, kid, use, alg, key_ops, algorithms } = tried
        const jwk = { ...keys[published].publicKey.export({ format: 'jwk' }), kid: 'a', use, alg, key_ops }
        const { getKey } = keySetOf(JSON.parse(JSON.stringify(tried.isTwice ? [jwk, jwk] : [jwk])))
        const text = `${base64url(JSON.stringify({ alg: tried.algorithm, kid }))}.${base64url('{"sub":"alice"}')}`
        const signature = signed(tried.isOtherText ? `${text}x` : text, keys[signer].privateKey, tried.dsaEncoding)
        const token = `${text}.${mutations[tried.mutation]?.(signature).toString('base64url')}`
        const read = readToken(token)
        const wanted = await outcome(compactVerify(token, getKey, { algorithms: [...algorithms] }))
        expect(await outcome(verifyCompact(token, read, algorithms, getKey))).toBe(wanted)
        const key = `${tried.algorithm} ${wanted}`
        seen.set(key, (seen.get(key) ?? 0) + 1)
      }),
      { numRuns: 4_000 },
    )
    expect([...seen.keys()]).toEqual(
      expect.arrayContaining(['ES256 believed', 'ES256 ERR_JWS_SIGNATURE_VERIFICATION_FAILED']),
    )
  })
})
