/** Tokens are exchanged for our own, and those count at the host that they were made for: on both stores. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header } from '../service.ts'
import { accessTokenType, claimsOf, type ExchangeWorld, exchangeGrant, jwtType, startExchange } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined

describe.each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('exchanged tokens', () => {
    let redis: RunningRedis | undefined
    let world: ExchangeWorld
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = redis === undefined ? { store } : { store, url: redis.url }
      world = await startExchange({ settings: { sessions, machines: { exchange: {} } } })
    })
    afterAll(async () => {
      await world?.close()
      await redis?.stop()
    })

    it('become one of ours, for one host and ten minutes, and it is let in as whoever the first stood for', async () => {
      const subject = world.token({ jti: 'c0ffee' })
      const { status, headers, body } = await world.exchange({ subject_token: subject })
      expect(status).toBe(200)
      expect(headers.get('cache-control')).toBe('no-store')
      expect(body).toEqual({
        access_token: expect.any(String),
        issued_token_type: accessTokenType,
        token_type: 'Bearer',
        expires_in: expect.any(Number),
      })
      const claims = claimsOf(String(body.access_token))
      expect(claims).toEqual({
        iss: `${world.publicUrl}/token`,
        aud: 'wiki.example.com',
        sub: 'https://kubernetes.default.svc#system:serviceaccount:ci:deployer',
        jti: expect.stringMatching(/^[\w-]{22}$/),
        iat: expect.any(Number),
        exp: expect.any(Number),
      })
      for (let round = 0; round < 2; round += 1) {
        const answer = await world.at('wiki.example.com', '/deploy/now', String(body.access_token))
        expect(answer.status).toBe(200)
        expect(header(answer, 'remote-user')).toBe('service-account:prod/ci/deployer')
        expect(await world.eventOf(answer)).toMatchObject({
          event: 'access.allowed',
          machine: 'service-account:prod/ci/deployer',
          credential: 'exchanged-token',
          credentialIssuer: 'sallyport',
          credentialId: claims.jti,
          credentialChain: ['prod/c0ffee'],
        })
      }
      const issued = await world.written('exchange.issued', String(claims.jti))
      expect(issued).toMatchObject({ host: 'wiki.example.com', credentialIssuer: 'prod', credentialId: 'c0ffee' })
      const asked = world
        .auditEvents()
        .find(({ requestId, event }) => requestId === issued.requestId && event === 'access.allowed')
      expect(asked).toMatchObject({ domain: 'tokens', resource: '/wiki.example.com', action: 'create' })
    })

    it('take resource as an address of the host, and say it no further', async () => {
      const target = { audience: undefined, resource: 'https://wiki.example.com' }
      expect(claimsOf(await world.exchanged(target)).aud).toBe('wiki.example.com')
      expect(claimsOf(await world.exchanged({ ...target, resource: 'https://WIKI.example.com:8443/' })).aud).toBe(
        'wiki.example.com',
      )
    })

    it('keep what rows ask about whoever they stand for', async () => {
      const day = await world.exchanged({ subject_token: world.robot('auditor', { shift: 'day' }) })
      const night = await world.exchanged({ subject_token: world.robot('auditor', { shift: 'night' }) })
      expect((await world.at('wiki.example.com', '/audit/nights/', day)).status).toBe(200)
      expect((await world.at('wiki.example.com', '/audit/nights/', night)).status).toBe(403)
    })

    it('are judged by the policy at the host as any other', async () => {
      const made = await world.exchanged()
      expect((await world.at('wiki.example.com', '/deploy/of-others', made)).status).toBe(403)
      expect((await world.at('wiki.example.com', '/audit/', made)).status).toBe(403)
      expect((await world.at('wiki.example.com', '/everywhere/', made)).status).toBe(200)
    })

    describe('J21: for which host', () => {
      it('is asked of the policy, in a domain of its own that no star covers', async () => {
        const stranger = await world.exchange({ subject_token: world.robot('stranger') })
        expect(stranger).toMatchObject({
          status: 400,
          body: { error: 'invalid_target', error_description: 'the policy gives the subject no token for this host' },
        })
        const denied = await world.exchange({ subject_token: world.robot('auditor'), audience: 'payroll.example.com' })
        expect(denied.body.error).toBe('invalid_target')
      })

      it.each([
        ['shop.example.com', 'takes tokens of its own issuers alone'],
        ['unknown.example.com', 'is nobody’s'],
        ['https://wiki.example.com/deploy', 'is a part of one'],
        ['https://wiki.example.com/?a', 'is a part of one'],
        ['https://wiki.example.com@evil.example/', 'is somebody else'],
        ['*.example.com', 'is a pattern'],
        ['tokens', 'is reserved'],
        ['wiki.example.com.evil.example', 'is below another'],
      ])('is none for %s, which %s', async audience => {
        const { status, body } = await world.exchange({ audience })
        expect([status, body.error, body.error_description]).toEqual([
          400,
          'invalid_target',
          'there is no such host that takes tokens of sallyport',
        ])
      })

      it('is no cluster that is not there, and that is said', async () => {
        const { body } = await world.exchange({ audience: 'kube:prod' })
        expect(body).toEqual({
          error: 'invalid_target',
          error_description: 'there is no such cluster behind the gateway',
        })
      })

      it.each([
        ['two hosts', [['audience', 'payroll.example.com']]],
        ['a host and an address', [['resource', 'https://wiki.example.com']]],
        ['two grants', [['grant_type', exchangeGrant]]],
        ['two subjects', [['subject_token', 'x.y.z']]],
        [
          'two scopes',
          [
            ['scope', 'read'],
            ['scope', 'write'],
          ],
        ],
      ] as const)('J22 is refused for %s', async (_, more) => {
        const form: (readonly [string, string])[] = [
          ['grant_type', exchangeGrant],
          ['subject_token', world.token()],
          ['subject_token_type', jwtType],
          ['audience', 'wiki.example.com'],
          ...more,
        ]
        const { status, body } = await world.post('/token', form)
        expect([status, body.error]).toEqual([400, 'invalid_request'])
      })

      it('J21 counts at no other host, and at none that does not take ours', async () => {
        const made = await world.exchanged()
        expect((await world.at('wiki.example.com', '/deploy/now', made)).status).toBe(200)
        for (const [host, why] of [
          ['payroll.example.com', 'the token is for another audience'],
          ['shop.example.com', 'the token was made by no issuer that this host believes'],
        ] as const) {
          const answer = await world.at(host, '/deploy/now', made)
          expect(answer.status).toBe(401)
          expect(header(answer, 'www-authenticate')).toContain(why)
        }
      })
    })

    describe('J23: what it may do', () => {
      it('is its scope and no more, whatever the policy says', async () => {
        const { body } = await world.exchange({ scope: 'read' })
        expect(body.scope).toBe('read')
        const made = String(body.access_token)
        expect((await world.at('wiki.example.com', '/deploy/now', made)).status).toBe(200)
        for (const method of ['POST', 'DELETE', 'TRACE', 'BREW']) {
          const answer = await world.at('wiki.example.com', '/deploy/now', made, method)
          expect(answer.status).toBe(403)
          expect(header(answer, 'www-authenticate')).toBe(
            'Bearer error="insufficient_scope", error_description="the token is not for requests of this kind", scope="read"',
          )
          expect(header(answer, 'remote-user')).toBeUndefined()
        }
        expect((await world.at('wiki.example.com', '/public/', made, 'POST')).status).toBe(403)
        expect((await world.at('wiki.example.com', '/audit/', made)).status).toBe(403)
      })

      it('is never wider than that of the token before', async () => {
        const read = await world.exchanged({ scope: 'read' })
        const again = { subject_token: read, subject_token_type: accessTokenType }
        for (const scope of ['write', 'read write', 'POST', 'GET DELETE', 'TRACE']) {
          const { status, body } = await world.exchange({ ...again, scope })
          expect([scope, status, body.error]).toEqual([scope, 400, 'invalid_scope'])
        }
        expect((await world.exchange({ ...again, scope: 'GET' })).body.scope).toBe('GET')
        // Nothing said is what it was, and not everything.
        expect((await world.exchange(again)).body.scope).toBe('read')
      })

      it.each([
        '*',
        'admin',
        'read|write',
        'get',
        'create',
        ' ',
        Array.from({ length: 40 }, (_, n) => `custom:A${'B'.repeat(n % 9)}`).join(' '),
      ])('cannot be %s', async scope => {
        expect((await world.exchange({ scope })).body.error).toMatch(/^invalid_(?:scope|request)$/)
      })
    })

    describe('J24: how long it lives', () => {
      it('is no longer than the first, without what a clock is forgiven, and no longer than the setting', async () => {
        const now = Math.floor(Date.now() / 1000)
        const short = await world.exchange({
          subject_token: world.token({ exp: now + 90 }),
          expires_in: '86400',
          requested_lifetime: '86400',
        })
        expect(claimsOf(String(short.body.access_token)).exp).toBe(now + 90)
        const long = claimsOf(await world.exchanged({ subject_token: world.token({ exp: now + 7200 }) }))
        expect((long.exp ?? 0) - (long.iat ?? 0)).toBe(600)
        const over = await world.exchange({
          subject_token: world.token({ iat: now - 100, nbf: now - 100, exp: now - 5 }),
        })
        expect(over.body).toEqual({
          error: 'invalid_request',
          error_description: 'subject_token: the token has expired',
        })
      })

      it('is not made longer by an exchange of it', async () => {
        const now = Math.floor(Date.now() / 1000)
        const made = await world.exchanged({ subject_token: world.token({ exp: now + 100 }) })
        const again = await world.exchanged({ subject_token: made })
        expect(claimsOf(again).exp).toBe(now + 100)
      })
    })

    describe('J25: a chain', () => {
      it('goes to another host only with an actor whom the policy lets, and says who acted', async () => {
        const first = await world.exchanged({ subject_token: world.token({ jti: 'first' }) })
        const onward = { subject_token: first, audience: 'payroll.example.com' }
        expect((await world.exchange(onward)).body).toMatchObject({
          error: 'invalid_target',
          error_description: expect.stringContaining('actor_token'),
        })
        const stranger = { actor_token: world.robot('stranger'), actor_token_type: jwtType }
        expect((await world.exchange({ ...onward, ...stranger })).body.error_description).toBe(
          'the policy gives the actor no token for this host',
        )
        const relay = { actor_token: world.robot('relay'), actor_token_type: jwtType }
        const made = await world.exchanged({ ...onward, ...relay })
        expect(claimsOf(made)).toMatchObject({
          aud: 'payroll.example.com',
          sub: 'https://kubernetes.default.svc#system:serviceaccount:ci:deployer',
          act: { sub: 'https://robots.example.com#relay' },
        })
        const answer = await world.at('payroll.example.com', '/deploy/now', made)
        expect(header(answer, 'remote-user')).toBe('service-account:prod/ci/deployer')
        expect(await world.eventOf(answer)).toMatchObject({
          credentialChain: ['prod/first', `sallyport/${claimsOf(first).jti}`],
          credentialActors: ['client:robots/relay'],
        })
      })

      it('is four exchanges long at most, however often it is tried', async () => {
        let made = await world.exchanged()
        let refusals = 0
        for (let round = 0; round < 50; round += 1) {
          const actor = { actor_token: world.robot('auditor'), actor_token_type: jwtType }
          const { status, body } = await world.exchange({ subject_token: made, ...actor })
          if (status === 200) made = String(body.access_token)
          else {
            refusals += 1
            expect(body).toMatchObject({
              error: 'invalid_request',
              error_description: expect.stringContaining('4 times'),
            })
          }
        }
        expect(refusals).toBe(47)
        const { act } = claimsOf(made) as {
          act: { sub: string; act: { sub: string; act: { sub: string; act?: unknown } } }
        }
        expect(act.act.act.sub).toBe('https://robots.example.com#auditor')
        expect(act.act.act.act).toBeUndefined()
      })

      it('is begun by whom may_act names, and by nobody else', async () => {
        const subject = (may_act: unknown) => world.robot('auditor', { may_act })
        const relay = { actor_token: world.robot('relay'), actor_token_type: jwtType }
        const auditor = { actor_token: world.robot('auditor'), actor_token_type: jwtType }
        const meant = subject({ sub: 'auditor', iss: world.robots.issuer })
        expect((await world.exchange({ subject_token: meant })).body.error_description).toContain(
          'send their actor_token',
        )
        expect((await world.exchange({ subject_token: meant, ...relay })).body.error_description).toContain(
          'does not say',
        )
        const made = await world.exchanged({ subject_token: meant, ...auditor })
        // It holds for what is made of it.
        expect((await world.exchange({ subject_token: made })).body.error_description).toContain(
          'send their actor_token',
        )
        for (const nobody of [{}, [], 'auditor', { iss: world.robots.issuer }, { sub: 1 }]) {
          expect((await world.exchange({ subject_token: subject(nobody), ...auditor })).status).toBe(400)
        }
      })
    })

    describe('J26: what is no token of an issuer', () => {
      it.each([
        [
          'an assertion',
          async () =>
            header(await world.at('wiki.example.com', '/deploy/now', world.token()), 'x-sallyport-assertion') ?? '',
        ],
        ['alg none', async () => world.cluster.token({}, { header: { alg: 'none' } })],
        ['another key', async () => world.robots.token({ iss: world.cluster.issuer })],
        ['another audience', async () => world.token({ aud: 'other' })],
        ['an unsigned one of ours', async () => `${(await world.exchanged()).split('.').slice(0, 2).join('.')}.AAAA`],
        ['a text', async () => 'garbage'],
        ['9 KB', async () => randomBytes(9_000).toString('hex').slice(0, 9_000)],
      ])('is refused: %s', async (_, make) => {
        const token = await make()
        expect(token).not.toBe('')
        const { status, body } = await world.exchange({ subject_token: token })
        expect([status, body.error]).toEqual([400, 'invalid_request'])
        expect(JSON.stringify(body)).not.toContain(token.slice(0, 30))
      })

      it('is refused as ours too, with our name and a key of somebody else', async () => {
        const iss = `${world.publicUrl}/token`
        const forged = world.robots.token(
          { iss, aud: 'wiki.example.com', exp: Math.floor(Date.now() / 1000) + 60, iat: Math.floor(Date.now() / 1000) },
          { header: { typ: 'at+jwt' } },
        )
        expect((await world.at('wiki.example.com', '/deploy/now', forged)).status).toBe(401)
        expect((await world.exchange({ subject_token: forged })).status).toBe(400)
      })

      it('is judged by its own issuer where ours is named within it', async () => {
        const act = { iss: `${world.publicUrl}/token`, sub: 'somebody' }
        const text = world.token({ act })
        expect((await world.at('wiki.example.com', '/deploy/a', text)).status).toBe(200)
      })

      it('is refused at fronts: an assertion, and in the address', async () => {
        const assertion =
          header(await world.at('wiki.example.com', '/deploy/now', world.token()), 'x-sallyport-assertion') ?? ''
        expect((await world.at('wiki.example.com', '/deploy/now', assertion)).status).toBe(401)
        const made = await world.exchanged()
        const answer = await world.ask('auth-request', {
          url: `https://wiki.example.com/deploy/now?access_token=${made}`,
        })
        expect(answer.status).toBe(401)
      })
    })

    describe('J27: the form', () => {
      it('is never in the address, nor sent by a page, nor with credentials of a client', async () => {
        const form = { grant_type: exchangeGrant, subject_token: world.token(), subject_token_type: jwtType }
        const whole = { ...form, audience: 'wiki.example.com' }
        expect((await world.post('/token', whole)).status).toBe(200)
        for (const query of ['?subject_token=x.y.z', '?a']) {
          expect((await world.post(`/token${query}`, whole)).body.error).toBe('invalid_request')
        }
        expect((await world.exchange({}, { origin: 'https://evil.example' })).body.error).toBe('invalid_request')
        const basic = await world.exchange({}, { authorization: 'Basic Ym9iOng=' })
        expect([basic.status, basic.body.error]).toEqual([401, 'invalid_client'])
        expect(basic.headers.get('www-authenticate')).toMatch(/^Bearer /)
        expect((await world.exchange({ grant_type: 'client_credentials' })).body.error).toBe('unsupported_grant_type')
        expect(
          (await world.exchange({ subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' })).body.error,
        ).toBe('invalid_request')
        expect((await world.exchange({ actor_token_type: jwtType })).body.error).toBe('invalid_request')
      })

      it('of a megabyte is refused as JSON, and so is one of another type', async () => {
        const large = await world.exchange({ padding: 'x'.repeat(1_000_000) })
        expect([large.status, large.body.error, large.headers.get('cache-control')]).toEqual([
          413,
          'invalid_request',
          'no-store',
        ])
        const json = await world.post('/token', '{}', { 'content-type': 'application/json' })
        expect([json.status, json.body.error]).toEqual([400, 'invalid_request'])
      })

      it('leaves its tokens in no log', async () => {
        const subject = world.token()
        const made = await world.exchanged({ subject_token: subject })
        await world.exchange({ subject_token: subject.slice(0, -4) })
        await world.at('wiki.example.com', '/deploy/now', made)
        await world.at('payroll.example.com', '/deploy/now', made)
        const written = world.logText() + JSON.stringify(world.auditEvents())
        for (const token of [subject, made])
          for (const part of token.split('.').slice(1)) expect(written).not.toContain(part)
      })
    })
  })
})
