/** What attackers make of a token of ours, at every front as it runs: each is refused, and so is a proof that was seen. */
import { createHash, createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { type FrontName, frontNames } from '../dialects.ts'
import { createEnvoyClient, type EnvoyClient, requestAbout } from '../ext-authz/client.ts'
import { header } from '../service.ts'
import { type ExchangeWorld, startExchange } from './world.ts'

const page = 'https://wiki.example.com/deploy/now'
type Lines = readonly (readonly [string, string])[]

let world: ExchangeWorld
let envoy: EnvoyClient
/** As the service publishes it. */
let key: JsonWebKey
beforeAll(async () => {
  world = await startExchange({ settings: { envoy: { listen: '127.0.0.1:0' }, machines: { exchange: {} } } })
  envoy = createEnvoyClient(world.service.ports().envoy ?? 0)
  const { body } = await request(`${world.publicUrl}/.well-known/jwks.json`)
  key = JSON.parse(body).keys[0]
})
afterAll(async () => {
  envoy?.close()
  await world?.close()
})

async function ask(front: FrontName | 'grpc', headers: Lines, url = page) {
  if (front !== 'grpc') {
    const answer = await world.ask(front, { url, headers })
    return { status: answer.status, challenge: header(answer, 'www-authenticate') }
  }
  const { ok_response: ok, denied_response: denied } = await envoy.check(requestAbout({ url, headers }))
  const challenge = denied?.headers.find(option => option.header.key === 'www-authenticate')?.header.value
  return { status: ok ? 200 : denied?.status.code, challenge }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const bearer = (token: string): Lines => [['Authorization', `Bearer ${token}`]]

function resigned(token: string, head: object, sign: (input: string) => string): string {
  const [first = '', body = ''] = token.split('.')
  const old = JSON.parse(Buffer.from(first, 'base64url').toString())
  const input = `${encode({ ...old, ...head })}.${body}`
  return `${input}.${sign(input)}`
}
const byPublicKey = (input: string): string =>
  createHmac('sha256', createPublicKey({ key, format: 'jwk' }).export({ format: 'pem', type: 'spki' }))
    .update(input)
    .digest('base64url')
const ofAnother = (token: string, head: object = {}): string => {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return world.robots.token(claims, { header: { typ: 'at+jwt', kid: key.kid, ...head } })
}

describe.each([...frontNames, 'grpc'] as const)('a token of ours on %s', front => {
  it.each<readonly [string, (token: string) => string, RegExp]>([
    ['J01 alg none', token => resigned(token, { alg: 'none' }, () => 'AAAA'), /an algorithm that its issuer may not/],
    ['J01 HS256 with our public key', token => resigned(token, { alg: 'HS256' }, byPublicKey), /an algorithm that/],
    ['J01 another key of the same name', token => ofAnother(token), /the signature does not fit/],
    ['J13 jku', token => ofAnother(token, { jku: 'https://evil.example/jwks' }), /the signature does not fit/],
    ['J13 a path as kid', token => ofAnother(token, { kid: '../../dev/null' }), /the issuer has no such key/],
    ['J02 another type', token => ofAnother(token, { typ: 'JWT' }), /the token is of another type/],
    ['J05 our name with a slash', () => world.robots.token({ iss: `${world.publicUrl}/token/` }), /made by no issuer/],
    ['J12 9 KB', token => `${token}${'A'.repeat(9_000)}`, /the token is too long/],
  ])('is refused: %s', async (_what, change, sentence) => {
    const token = await world.exchanged()
    expect(await ask(front, bearer(token))).toEqual({ status: 200, challenge: undefined })
    expect(await ask(front, bearer(change(token)))).toEqual({ status: 401, challenge: expect.stringMatching(sentence) })
  })

  it('J21 is refused at another host that takes ours, and J16 twice, beside Basic and in the address', async () => {
    const token = await world.exchanged()
    const other = await ask(front, bearer(token), 'https://payroll.example.com/deploy/now')
    expect(other).toEqual({ status: 401, challenge: expect.stringContaining('the token is for another audience') })
    const basic: Lines = [['Authorization', 'Basic Ym9iOng=']]
    for (const lines of [
      [...bearer(token), ...bearer(token)],
      [...basic, ...bearer(token)],
    ]) {
      expect((await ask(front, lines)).status).toBe(400)
    }
    expect((await ask(front, [], `${page}?access_token=${token}`)).status).toBe(401)
  })

  it('J32 J33 is refused with a proof that was seen, or is for another address or method', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    let count = 0
    const proof = (claims: object): Promise<string> => {
      const usual = { jti: `${front}-proof-${++count}-of-many`, iat: Math.floor(Date.now() / 1000) }
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .sign(privateKey)
    }
    const made = await world.exchange({}, { dpop: await proof({ htm: 'POST', htu: `${world.publicUrl}/token` }) })
    const token = String(made.body.access_token)
    expect(made.body.cnf).toEqual({ jkt: await calculateJwkThumbprint(jwk) })
    const ath = createHash('sha256').update(token).digest('base64url')
    const show = (dpop: string) =>
      ask(front, [
        ['Authorization', `DPoP ${token}`],
        ['DPoP', dpop],
      ])
    const good = await proof({ htm: 'GET', htu: page, ath })
    expect((await show(good)).status).toBe(200)
    const refused = { status: 401, challenge: expect.stringContaining('DPoP error="invalid_dpop_proof"') }
    expect(await show(good)).toEqual(refused)
    expect(await show(await proof({ htm: 'GET', htu: `${page}/else`, ath }))).toEqual(refused)
    expect(await show(await proof({ htm: 'GET', htu: page.replace('wiki', 'payroll'), ath }))).toEqual(refused)
    expect(await show(await proof({ htm: 'POST', htu: page, ath }))).toEqual(refused)
    expect((await ask(front, bearer(token))).status).toBe(401)
  })
})
