/** A token that was revoked counts nowhere from then on; who may ask what one is worth; what programs are told. */
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header } from '../service.ts'
import { claimsOf, type ExchangeWorld, jwtType, startExchange } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const wiki = 'https://wiki.example.com/deploy/now'

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('what became of a token', () => {
    let redis: RunningRedis | undefined
    let world: ExchangeWorld
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startExchange({ replicas: 2, settings: { sessions, machines: { exchange: {} } } })
    })
    afterAll(async () => {
      await world?.close()
      await redis?.stop()
    })

    const statusAt = async (replica: number, token: string) => {
      const headers: [string, string][] = [['Authorization', `Bearer ${token}`]]
      const answer = await world.replica(replica).ask('forward-auth', { url: wiki, headers })
      return { status: answer.status, challenge: header(answer, 'www-authenticate') }
    }

    it('J28 revoked, it counts nowhere, although it was seen and is remembered', async () => {
      const made = await world.exchanged()
      for (const replica of [0, 1, 0, 1]) expect((await statusAt(replica, made)).status).toBe(200)
      const revoked = await world.post('/token/revoke', { token: made, token_type_hint: 'access_token' })
      expect([revoked.status, revoked.headers.get('cache-control')]).toEqual([200, 'no-store'])
      for (const replica of [0, 1]) {
        const { status, challenge } = await statusAt(replica, made)
        expect(status).toBe(401)
        expect(challenge).toBe(
          'Bearer error="invalid_token", error_description="the token was revoked, or one that it was made from"',
        )
      }
      expect((await world.exchange({ subject_token: made })).status).toBe(400)
      const { jti } = claimsOf(made)
      expect(await world.written('exchange.revoked', String(jti))).toMatchObject({ host: 'wiki.example.com' })
      // Once more is no fault.
      expect((await world.post('/token/revoke', { token: made })).status).toBe(200)
    })

    it('J28 revoked, it takes with it what was made of it', async () => {
      const first = await world.exchanged()
      const second = await world.exchanged({ subject_token: first })
      const third = await world.exchanged({ subject_token: second, scope: 'read' })
      const other = await world.exchanged()
      for (const token of [first, second, third, other]) expect((await statusAt(1, token)).status).toBe(200)
      await world.post('/token/revoke', { token: first })
      for (const token of [first, second, third]) expect((await statusAt(1, token)).status).toBe(401)
      expect((await statusAt(1, other)).status).toBe(200)
    })

    it('is over when its time is over, remembered or not', async () => {
      const made = await world.exchanged()
      expect((await statusAt(0, made)).status).toBe(200)
      world.replica(0).moveClock(601)
      expect((await statusAt(0, made)).challenge).toContain('the token has expired')
      world.replica(0).moveClock(-601)
    })

    it('is not ended by a forged one, and tokens of others are not ours to end', async () => {
      const made = await world.exchanged()
      const forged = `${made.slice(0, made.lastIndexOf('.'))}.${'A'.repeat(86)}`
      expect((await world.post('/token/revoke', { token: forged })).status).toBe(200)
      expect((await statusAt(0, made)).status).toBe(200)
      const foreign = await world.post('/token/revoke', { token: world.token() })
      expect([foreign.status, foreign.body.error]).toEqual([400, 'unsupported_token_type'])
      expect((await world.post('/token/revoke', { token_type_hint: 'access_token' })).body.error).toBe(
        'invalid_request',
      )
    })

    describe('J29 what one is worth', () => {
      const introspect = (token: string, caller?: string) =>
        world.post('/token/introspect', { token }, caller === undefined ? {} : { authorization: `Bearer ${caller}` })

      it('is told to whom a row lets ask about that host', async () => {
        const made = await world.exchanged({ scope: 'read' })
        const { status, body } = await introspect(made, world.robot('auditor'))
        expect(status).toBe(200)
        expect(body).toEqual({
          active: true,
          iss: `${world.publicUrl}/token`,
          aud: 'wiki.example.com',
          sub: 'https://kubernetes.default.svc#system:serviceaccount:ci:deployer',
          username: 'service-account:prod/ci/deployer',
          jti: claimsOf(made).jti,
          exp: claimsOf(made).exp,
          token_type: 'Bearer',
          scope: 'read',
        })
      })

      it('is not told to others, nor of another host, nor of what is none', async () => {
        const made = await world.exchanged()
        const payroll = await world.exchanged({ audience: 'payroll.example.com' })
        expect((await introspect(made, world.robot('relay'))).body.active).toBe(true)
        for (const [token, caller] of [
          [made, world.robot('stranger')],
          [made, world.token()],
          [payroll, world.robot('relay')],
          ['garbage', world.robot('auditor')],
          [world.token(), world.robot('auditor')],
        ] as const) {
          const { status, body } = await introspect(token, caller)
          expect([status, body]).toEqual([200, { active: false }])
        }
        await world.post('/token/revoke', { token: made })
        expect((await introspect(made, world.robot('relay'))).body).toEqual({ active: false })
      })

      it('is not told to nobody', async () => {
        const made = await world.exchanged()
        for (const caller of [undefined, 'garbage', made, world.token({ aud: 'other' })]) {
          const { status, body, headers } = await introspect(made, caller)
          expect([status, body.error]).toEqual([401, 'invalid_client'])
          expect(headers.get('www-authenticate')).toMatch(/^Bearer /)
        }
      })
    })

    it('J30 and a store that is down lets nobody in', async () => {
      if (redis === undefined) return
      const made = await world.exchanged()
      expect((await statusAt(0, made)).status).toBe(200)
      await redis.stop()
      for (const replica of [0, 1]) expect((await statusAt(replica, made)).status).toBe(503)
      const answer = await world.exchange()
      expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable'])
    })
  })
})

describe('the metadata', () => {
  let world: ExchangeWorld
  beforeAll(async () => {
    world = await startExchange()
  })
  afterAll(() => world?.close())

  it('is found by a library that knows the issuer, which can then exchange and revoke', async () => {
    const viaLoopback: oauth.CustomFetch = async (url, { method, headers, body }) => {
      const text = body === undefined || body === null ? undefined : String(body)
      const answer = await request(url, {
        method,
        headers: headers as Record<string, string>,
        ...(text !== undefined && { body: text }),
      })
      return new Response(answer.body, {
        status: answer.status,
        headers: { 'content-type': String(answer.headers['content-type'] ?? '') },
      })
    }
    const issuer = new URL(`${world.publicUrl}/token`)
    const config = await oauth.discovery(issuer, 'anybody', undefined, oauth.None(), {
      algorithm: 'oauth2',
      execute: [oauth.allowInsecureRequests],
      [oauth.customFetch]: viaLoopback,
    })
    const made = await oauth.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', {
      subject_token: world.token(),
      subject_token_type: jwtType,
      resource: 'https://wiki.example.com',
      scope: 'read',
    })
    expect(made).toMatchObject({ token_type: 'bearer', scope: 'read' })
    expect((await world.at('wiki.example.com', '/deploy/now', made.access_token)).status).toBe(200)
    await oauth.tokenRevocation(config, made.access_token)
    expect((await world.at('wiki.example.com', '/deploy/now', made.access_token)).status).toBe(401)
  })
})

describe('without machines.exchange', () => {
  it('there is no token endpoint', async () => {
    const world = await startExchange({
      settings: { machines: {} },
      hosts: [{ host: 'wiki.example.com', bearerFrom: ['prod'] }],
    })
    for (const path of ['/token', '/token/revoke', '/token/introspect']) {
      expect((await request(`${world.publicUrl}${path}`, { method: 'POST' })).status).toBe(404)
    }
    await world.close()
  })
})
