/** Tokens that are bound to a key (RFC 9449): what proves it, what does not, on both stores and through a real NGINX. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createProofs } from '../../app/identity/proof/dpop.ts'
import { TokenRefused } from '../../app/identity/token/refusal.ts'
import type { FrontName } from '../dialects.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header } from '../service.ts'
import { accessTokenType, claimsOf, type ExchangeWorld, startExchange } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const page = 'https://wiki.example.com/deploy/now'

interface Key {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
  readonly jwk: JWK
  readonly jkt: string
}

async function newKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  return { privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) }
}

const athOf = (token: string): string => createHash('sha256').update(token).digest('base64url')
let count = 0

function proofBy(key: Key, claims: object, { head = {}, by = key }: { head?: object; by?: Key } = {}): Promise<string> {
  count += 1
  const usual = { jti: `proof-number-${count}`, iat: Math.floor(Date.now() / 1000) }
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk, ...head })
    .sign(by.privateKey)
}

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('a token that is bound to a key', () => {
    let redis: RunningRedis | undefined
    let world: ExchangeWorld
    let key: Key
    let thief: Key
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startExchange({ replicas: 2, settings: { sessions, machines: { exchange: {} } } })
      key = await newKey()
      thief = await newKey()
    })
    afterAll(async () => {
      await world?.close()
      await redis?.stop()
    })

    const atToken = () => ({ htm: 'POST', htu: `${world.publicUrl}/token` })
    const exchange = async (form: Record<string, string> = {}, dpop?: string) =>
      world.exchange(form, { dpop: dpop ?? (await proofBy(key, atToken())) })
    const bound = async () => String((await exchange()).body.access_token)
    const atPage = (token: string) => ({ htm: 'GET', htu: page, ath: athOf(token) })
    const ask = async (
      token: string,
      proofs: readonly string[],
      more: { scheme?: string; replica?: number; front?: FrontName } = {},
    ) => {
      const { scheme = 'DPoP', replica = 0, front = 'forward-auth' } = more
      const headers: [string, string][] = [
        ['Authorization', `${scheme} ${token}`],
        ...proofs.map((one): [string, string] => ['DPoP', one]),
      ]
      return world.replica(replica).ask(front, { url: page, headers })
    }

    it('says so, and lets in whoever proves it, each time anew', async () => {
      const { status, body } = await exchange()
      expect([status, body.token_type]).toEqual([200, 'DPoP'])
      const token = String(body.access_token)
      expect(claimsOf(token).cnf).toEqual({ jkt: key.jkt })
      for (const front of ['forward-auth', 'auth-request'] as const) {
        const answer = await ask(token, [await proofBy(key, atPage(token))], { front })
        expect(answer.status).toBe(200)
        expect(header(answer, 'remote-user')).toBe('service-account:prod/ci/deployer')
      }
      // The query is no part of the address, and a default port none either.
      expect(
        (
          await ask(token, [
            await proofBy(key, { ...atPage(token), htu: 'https://wiki.example.com:443/deploy/now?a=b' }),
          ])
        ).status,
      ).toBe(200)
      expect(await world.written('exchange.issued', String(claimsOf(token).jti))).toMatchObject({
        confirmation: 'dpop',
      })
    })

    it('J31 is worth nothing without a proof, or as a plain bearer token', async () => {
      const token = await bound()
      const good = await proofBy(key, atPage(token))
      for (const [proofs, scheme] of [
        [[], 'DPoP'],
        [[], 'Bearer'],
        [[good], 'Bearer'],
        [[good, good], 'DPoP'],
        [[good, 'garbage'], 'DPoP'],
      ] as const) {
        const answer = await ask(token, proofs, { scheme })
        expect(answer.status).toBe(401)
        expect(header(answer, 'www-authenticate')).toMatch(
          /^(?:DPoP error="invalid_dpop_proof"|Bearer error="invalid_token")/,
        )
      }
      // None of them has used it up.
      expect((await ask(token, [good])).status).toBe(200)
    })

    it('J32 a proof counts once, in all processes', async () => {
      const token = await bound()
      const proof = await proofBy(key, atPage(token))
      expect((await ask(token, [proof])).status).toBe(200)
      for (const replica of [0, 1]) {
        const answer = await ask(token, [proof], { replica })
        expect(answer.status).toBe(401)
        expect(header(answer, 'www-authenticate')).toMatch(/^DPoP error="invalid_dpop_proof", .*algs="ES256 /)
      }
      const atOnce = await proofBy(key, atPage(token))
      const answers = await Promise.all([0, 1, 0, 1, 0, 1].map(replica => ask(token, [atOnce], { replica })))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401, 401])
    })

    it.each([
      ['another method', { htm: 'POST' }],
      ['another page', { htu: 'https://wiki.example.com/deploy/other' }],
      ['another host', { htu: 'https://payroll.example.com/deploy/now' }],
      ['another scheme', { htu: 'http://wiki.example.com/deploy/now' }],
      ['an address with a name in it', { htu: 'https://wiki.example.com@evil.example/deploy/now' }],
      ['a path alone', { htu: '/deploy/now' }],
      ['no address', { htu: undefined }],
      ['another token', { ath: athOf('another') }],
      ['no token', { ath: undefined }],
      ['a minute and a half ago', { iat: Math.floor(Date.now() / 1000) - 90 }],
      ['a minute and a half from now', { iat: Math.floor(Date.now() / 1000) + 150 }],
      ['a time as text', { iat: String(Math.floor(Date.now() / 1000)) }],
      ['no id', { jti: undefined }],
      ['a short id', { jti: 'a' }],
    ])('J33 a proof for %s is none', async (_, claims) => {
      const token = await bound()
      expect((await ask(token, [await proofBy(key, { ...atPage(token), ...claims })])).status).toBe(401)
    })

    it('J33 a proof is made with the key that the token is bound to, and with the one that it shows', async () => {
      const token = await bound()
      const claims = atPage(token)
      const secret = await exportJWK(key.privateKey)
      for (const proof of [
        await proofBy(thief, claims),
        await proofBy(key, claims, { by: thief }),
        await proofBy(key, claims, { head: { jwk: secret } }),
        await proofBy(key, claims, { head: { typ: 'JWT' } }),
        await proofBy(key, claims, { head: { jwk: undefined, kid: 'first' } }),
        `${Buffer.from('{"alg":"none","typ":"dpop+jwt"}').toString('base64url')}.${(await proofBy(key, claims)).split('.')[1]}.AAAA`,
        'x'.repeat(5_000),
      ]) {
        expect((await ask(token, [proof])).status).toBe(401)
      }
    })

    it('J34 is exchanged by whoever holds its key alone, and stays bound', async () => {
      const token = await bound()
      const again = { subject_token: token, subject_token_type: accessTokenType }
      const bare = await world.exchange(again)
      expect([bare.status, bare.body.error]).toEqual([400, 'invalid_dpop_proof'])
      const stolen = await exchange(again, await proofBy(thief, atToken()))
      expect(stolen.body).toEqual({
        error: 'invalid_dpop_proof',
        error_description: expect.stringMatching(/the token is bound to another key$/),
      })
      // Whose key it is is looked at before the signature.
      const unsigned = (await proofBy(thief, atToken())).replace(/[^.]+$/, Buffer.alloc(64, 1).toString('base64url'))
      expect((await exchange(again, unsigned)).body).toEqual(stolen.body)
      const proof = await proofBy(key, atToken())
      const mine = await exchange(again, proof)
      expect(claimsOf(String(mine.body.access_token)).cnf).toEqual({ jkt: key.jkt })
      const replayed = await exchange(again, proof)
      expect(replayed.body).toEqual({ error: 'invalid_dpop_proof', error_description: 'the proof was used before' })
      for (const claims of [{ htm: 'GET' }, { htu: page }, { htu: `${world.publicUrl}/token/revoke` }]) {
        const other = await exchange({}, await proofBy(key, { ...atToken(), ...claims }))
        expect(other.body.error).toBe('invalid_dpop_proof')
      }
    })

    it('a token that is bound to nothing takes no proof', async () => {
      const token = await world.exchanged()
      expect((await ask(token, [await proofBy(key, atPage(token))])).status).toBe(401)
      expect((await ask(token, [], { scheme: 'Bearer' })).status).toBe(200)
    })

    it('is described with its key to whom a row lets ask', async () => {
      const caller = { authorization: `Bearer ${world.robot('auditor')}` }
      const { body } = await world.post('/token/introspect', { token: await bound() }, caller)
      expect(body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.jkt } })
    })

    it('J30 and while the store is down no proof is taken', async () => {
      if (redis === undefined) return
      const token = await bound()
      await redis.stop()
      expect((await ask(token, [await proofBy(key, atPage(token))])).status).toBe(503)
    })
  })
})

describe('a proof by a key that costs much', () => {
  const claims = { htm: 'GET', htu: page, iat: 1_767_323_045, jti: 'proof-number-1' }
  const url = { method: 'GET', url: page }
  const proofs = createProofs({
    clock: { now: () => claims.iat * 1000 },
    firstUse: async () => true,
    canonical: (_method, text) => text,
  })
  const forged = (jwk: object, alg = 'RS256') =>
    [{ alg, typ: 'dpop+jwt', jwk }, claims]
      .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
  const rsa = (bits: number, publicExponent?: number) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent })
    const jwk = publicKey.export({ format: 'jwk' })
    const signed = new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', typ: 'dpop+jwt', jwk: jwk as JWK })
      .sign(privateKey)
    return { jwk, signed }
  }

  it('J63 is looked at only where it is the key that the token is bound to', async () => {
    const web = vi.spyOn(globalThis.crypto.subtle, 'verify')
    try {
      const { jwk, signed } = rsa(2_048)
      const other = { proof: await signed, ...url, jkt: 'of-another-key' }
      await expect(proofs.verify(other)).rejects.toThrow(TokenRefused)
      expect(web.mock.calls.length).toBe(0)
      const jkt = await calculateJwkThumbprint(jwk as JWK)
      expect((await proofs.verify({ ...other, jkt })).jkt).toBe(jkt)
      expect(web.mock.calls.length).toBe(1)
      const bad = `${forged(jwk)}.${Buffer.alloc(256, 1).toString('base64url')}`
      await expect(proofs.verify({ ...other, proof: bad, jkt })).rejects.toThrow(TokenRefused)
    } finally {
      web.mockRestore()
    }
  })

  it.each([
    ['the private one itself', (jwk: object) => ({ ...jwk, d: 'AQAB' })],
    ['a shared secret beside it', (jwk: object) => ({ ...jwk, k: 'AQAB' })],
  ])('is none with %s in its header, whoever signed it', async (_what, spoil) => {
    const { privateKey, jwk } = await newKey()
    const sign = (key: object) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key as JWK }).sign(privateKey)
    expect((await proofs.verify({ proof: await sign(jwk), ...url })).jkt).toMatch(/^[\w-]{43}$/)
    const proof = await sign(spoil(jwk))
    const imported = vi.spyOn(globalThis.crypto.subtle, 'importKey')
    try {
      await expect(proofs.verify({ proof, ...url })).rejects.toThrow(TokenRefused)
      expect(imported).not.toHaveBeenCalled()
    } finally {
      imported.mockRestore()
    }
  })

  it('J63 is none: a large exponent, and a modulus that is too small or too large', async () => {
    const web = vi.spyOn(globalThis.crypto.subtle, 'verify')
    try {
      const { jwk } = rsa(2_048)
      const longExponent = Buffer.alloc(255, 0xff).toString('base64url')
      const signature = Buffer.alloc(256, 1).toString('base64url')
      for (const key of [
        { ...jwk, e: longExponent },
        { ...jwk, e: Buffer.from([1, 0, 0, 0, 1]).toString('base64url') },
        { ...jwk, n: Buffer.alloc(513, 0xff).toString('base64url') },
        { ...jwk, n: Buffer.alloc(255, 0xff).toString('base64url') },
        { ...jwk, n: Buffer.concat([Buffer.alloc(1), Buffer.alloc(255, 0xff)]).toString('base64url') },
      ]) {
        await expect(proofs.verify({ proof: `${forged(key)}.${signature}`, ...url })).rejects.toThrow(TokenRefused)
      }
      expect(web).not.toHaveBeenCalled()
      expect((await proofs.verify({ proof: await rsa(2_048, 3).signed, ...url })).jkt).toMatch(/^[\w-]{43}$/)
    } finally {
      web.mockRestore()
    }
  })
})
