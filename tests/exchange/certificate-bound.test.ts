/** Tokens that are bound to a client certificate (RFC 8705): ours and those of others, on both stores. */
import { createHash, X509Certificate } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { createMachineAuthority, type MachineAuthority } from '../machines/machine-authority.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { header } from '../service.ts'
import { accessTokenType, claimsOf, type ExchangeWorld, startExchange } from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined
const hasOpenssl = requirePeer('openssl') !== undefined
const certificateHeader = 'X-Client-Certificate'
const page = 'https://wiki.example.com/deploy/now'
const member = 'x5t#S256'
const server = { clientCertificateHeader: certificateHeader }

const thumbprintOf = (pem: string): string =>
  createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')

interface Holder {
  readonly certificate: string
  readonly thumbprint: string
  readonly headers: Record<string, string>
}

function holderOf(certificate: string): Holder {
  const headers = { [certificateHeader]: encodeURIComponent(certificate) }
  return { certificate, thumbprint: thumbprintOf(certificate), headers }
}

describe.runIf(hasOpenssl).each(['lmdb', 'redis'] as const)('on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('a token that is bound to a client certificate', () => {
    let redis: RunningRedis | undefined
    let authority: MachineAuthority
    let world: ExchangeWorld
    let robot: Holder
    let thief: Holder

    beforeAll(async () => {
      authority = createMachineAuthority('Fleet CA')
      robot = holderOf(authority.issue({ names: ['DNS:robot.example.com'] }).certificate)
      thief = holderOf(authority.issue({ names: ['DNS:robot.example.com'] }).certificate)
      if (store === 'redis') redis = await startRedis()
      const sessions = { bindTo: 'none', ...(redis === undefined ? { store } : { store, url: redis.url }) }
      world = await startExchange({ replicas: 2, settings: { server, sessions, machines: { exchange: {} } } })
    })
    afterAll(async () => {
      await world?.close()
      await redis?.stop()
      authority?.close()
    })

    const bind = (form: Record<string, string | undefined> = {}, headers = robot.headers) =>
      world.exchange({ bind: 'certificate', ...form }, headers)
    const bound = async (form: Record<string, string> = {}): Promise<string> => {
      const { status, body } = await bind(form)
      expect(status).toBe(200)
      return String(body.access_token)
    }
    const ask = (token: string, certificates: readonly string[], replica = 0, scheme = 'Bearer') =>
      world.replica(replica).ask('forward-auth', {
        url: page,
        headers: [
          ['Authorization', `${scheme} ${token}`],
          ...certificates.map((text): [string, string] => [certificateHeader, text]),
        ],
      })
    const shown = ({ certificate }: Holder) => encodeURIComponent(certificate)
    const foreign = (cnf: unknown) => world.token({ cnf })
    const isRefused = (answer: Awaited<ReturnType<typeof ask>>): void => {
      expect(answer.status).toBe(401)
      expect(header(answer, 'www-authenticate')).toMatch(
        /^Bearer error="invalid_token", error_description="the token counts together with its client certificate alone/,
      )
      expect(answer.headers.has('remote-user')).toBe(false)
    }

    it('says so, and lets in whoever has the certificate, on each replica and each time', async () => {
      const { body } = await bind()
      expect(body).toMatchObject({ token_type: 'Bearer', cnf: { [member]: robot.thumbprint } })
      const token = String(body.access_token)
      expect(claimsOf(token).cnf).toEqual({ [member]: robot.thumbprint })
      for (const replica of [0, 1, 0, 1]) {
        const answer = await ask(token, [shown(robot)], replica)
        expect(answer.status).toBe(200)
        expect(header(answer, 'remote-user')).toBe('service-account:prod/ci/deployer')
      }
      const written = await world.written('exchange.issued', String(claimsOf(token).jti))
      expect(written).toMatchObject({ confirmation: 'certificate' })
    })

    it('J100 is worth nothing without the certificate, with another one, or with two', async () => {
      const token = await bound()
      // Before it was seen, and while it is remembered.
      for (const replica of [0, 1, 1]) {
        isRefused(await ask(token, [], replica))
        isRefused(await ask(token, [''], replica))
        isRefused(await ask(token, [shown(thief)], replica))
        isRefused(await ask(token, [shown(robot), shown(thief)], replica))
        isRefused(await ask(token, [shown(robot), shown(robot)], replica))
        isRefused(await ask(token, [shown(robot).slice(0, -8)], replica))
        isRefused(await ask(token, [robot.thumbprint], replica))
        expect((await ask(token, [shown(robot)], replica)).status).toBe(200)
      }
      expect((await ask(token, [shown(robot)], 0, 'DPoP')).status).toBe(401)
    })

    it('J101 is exchanged by whoever has the certificate alone, and stays bound', async () => {
      const again = { subject_token: await bound(), subject_token_type: accessTokenType }
      for (const headers of [{}, thief.headers]) {
        for (const more of [{}, { bind: 'certificate' }]) {
          const { status, body } = await world.exchange({ ...again, ...more }, headers)
          expect([status, body.error, body.access_token]).toEqual([400, 'invalid_request', undefined])
        }
      }
      const mine = await world.exchange(again, robot.headers)
      expect(mine.body).toMatchObject({ cnf: { [member]: robot.thumbprint } })
      const made = String(mine.body.access_token)
      isRefused(await ask(made, [shown(thief)]))
      expect((await ask(made, [shown(robot)])).status).toBe(200)
    })

    it('J101 an actor who is bound leaves no token that is not', async () => {
      const onward = {
        subject_token: await world.exchanged(),
        subject_token_type: accessTokenType,
        actor_token: world.robot('relay', { cnf: { [member]: robot.thumbprint } }),
        actor_token_type: accessTokenType,
        audience: 'payroll.example.com',
      }
      const stolen = await world.exchange(onward, thief.headers)
      expect([stolen.status, stolen.body.error]).toEqual([400, 'invalid_request'])
      const { body } = await world.exchange(onward, robot.headers)
      expect(claimsOf(String(body.access_token)).cnf).toEqual({ [member]: robot.thumbprint })
    })

    it('J102 is not made where no certificate is known, nor for another word', async () => {
      for (const headers of [{}, { [certificateHeader]: '' }, { [certificateHeader]: 'CN=robot' }]) {
        const { status, body } = await bind({}, headers)
        expect([status, body]).toEqual([
          400,
          {
            error: 'invalid_request',
            error_description: 'no client certificate of this connection is known here, so there is nothing to bind to',
          },
        ])
      }
      expect((await bind({ bind: 'dpop' })).body).toMatchObject({ error: 'invalid_request' })
      // Who does not ask for it gets what they got before.
      expect((await world.exchange({}, robot.headers)).body.cnf).toBeUndefined()
    })

    it('J103 with a key as well, both have to hold', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const jwk = await exportJWK(publicKey)
      const jkt = await calculateJwkThumbprint(jwk)
      let count = 0
      const prove = (claims: object) =>
        new SignJWT({ jti: `proof-of-both-${++count}`, iat: Math.floor(Date.now() / 1000), ...claims })
          .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
          .sign(privateKey)
      const atToken = { htm: 'POST', htu: `${world.publicUrl}/token` }
      const { body } = await bind({}, { ...robot.headers, dpop: await prove(atToken) })
      expect(body).toMatchObject({ token_type: 'DPoP', cnf: { jkt, [member]: robot.thumbprint } })
      const token = String(body.access_token)
      const ath = createHash('sha256').update(token).digest('base64url')
      const send = async (certificates: readonly string[], hasProof: boolean) =>
        (
          await world.ask('forward-auth', {
            url: page,
            headers: [
              ['Authorization', `DPoP ${token}`],
              ...(hasProof ? [['DPoP', await prove({ htm: 'GET', htu: page, ath })] as [string, string]] : []),
              ...certificates.map((text): [string, string] => [certificateHeader, text]),
            ],
          })
        ).status
      expect(await send([shown(robot)], true)).toBe(200)
      expect(await send([shown(thief)], true)).toBe(401)
      expect(await send([], true)).toBe(401)
      expect(await send([shown(robot)], false)).toBe(401)
      // Neither of the two is lost by an exchange.
      const again = { subject_token: token, subject_token_type: accessTokenType }
      const keyAlone = await world.exchange(again, { dpop: await prove(atToken) })
      const certificateAlone = await world.exchange(again, robot.headers)
      expect([keyAlone.status, certificateAlone.status]).toEqual([400, 400])
      const both = await world.exchange(again, { ...robot.headers, dpop: await prove(atToken) })
      expect(both.body.cnf).toEqual({ jkt, [member]: robot.thumbprint })
    })

    it('is described with its certificate to whom a row lets ask', async () => {
      const caller = { authorization: `Bearer ${world.robot('auditor')}` }
      const { body } = await world.post('/token/introspect', { token: await bound() }, caller)
      expect(body).toMatchObject({ active: true, token_type: 'Bearer', cnf: { [member]: robot.thumbprint } })
    })

    it('J104 who asks what a token is worth with a bound one has its certificate', async () => {
      const token = await world.exchanged()
      const authorization = `Bearer ${world.robot('auditor', { cnf: { [member]: robot.thumbprint } })}`
      for (const headers of [{}, thief.headers]) {
        const { status } = await world.post('/token/introspect', { token }, { authorization, ...headers })
        expect(status).toBe(401)
      }
      const { body } = await world.post('/token/introspect', { token }, { authorization, ...robot.headers })
      expect(body).toMatchObject({ active: true })
    })

    it('the metadata say that there are such tokens (RFC 8705 section 3.3)', async () => {
      const answer = await request(`${world.publicUrl}/.well-known/oauth-authorization-server/token`)
      expect(JSON.parse(answer.body)).toMatchObject({ tls_client_certificate_bound_access_tokens: true })
    })

    it('J104 of another issuer, counts beside its certificate alone, remembered or not', async () => {
      const token = foreign({ [member]: robot.thumbprint })
      for (const _ of [1, 2]) {
        isRefused(await ask(token, []))
        isRefused(await ask(token, [shown(thief)]))
        isRefused(await ask(token, [shown(robot), shown(robot)]))
        const answer = await ask(token, [shown(robot)])
        expect([answer.status, header(answer, 'remote-user')]).toEqual([200, 'service-account:prod/ci/deployer'])
      }
    })

    it('J101 of another issuer, is exchanged beside its certificate alone, and stays bound', async () => {
      const form = { subject_token: foreign({ [member]: robot.thumbprint }) }
      for (const headers of [{}, thief.headers]) {
        const { status, body } = await world.exchange(form, headers)
        expect([status, body.error]).toEqual([400, 'invalid_request'])
        expect(body.error_description).toMatch(/^subject_token: the token counts together with its client certificate/)
      }
      const { body } = await world.exchange(form, robot.headers)
      expect(body.cnf).toEqual({ [member]: robot.thumbprint })
      isRefused(await ask(String(body.access_token), []))
    })

    it.each<[string, (thumbprint: string) => unknown]>([
      ['a key', () => ({ jkt: 'a'.repeat(43) })],
      ['a key as well', own => ({ [member]: own, jkt: 'a'.repeat(43) })],
      ['a key of its own', own => ({ [member]: own, jwk: { kty: 'EC' } })],
      ['a name beside it', own => ({ [member]: own, kid: 'a' })],
      ['another case', own => ({ 'x5t#s256': own })],
      ['a list', own => ({ [member]: [own] })],
      ['a list of bindings', own => [{ [member]: own }]],
      ['a short thumbprint', own => ({ [member]: own.slice(0, 42) })],
      ['no text', () => ({ [member]: 1 })],
      ['nothing', () => ({})],
      ['null', () => null],
      ['a text', own => own],
    ])('J104 of another issuer, bound to %s, counts for nothing here', async (_what, cnf) => {
      const token = foreign(cnf(robot.thumbprint))
      const answer = await ask(token, [shown(robot)])
      expect(answer.status).toBe(401)
      expect(header(answer, 'www-authenticate')).toContain('the token is bound to a key of its bearer')
      expect((await world.exchange({ subject_token: token }, robot.headers)).status).toBe(400)
    })
  })
})

describe.runIf(hasOpenssl)('where no certificate can be known', () => {
  const authority = hasOpenssl ? createMachineAuthority('Fleet CA') : undefined
  afterAll(() => authority?.close())
  const robotOf = () => holderOf(authority?.issue({ names: ['DNS:robot.example.com'] }).certificate ?? '')

  it('J102 from a peer that is no trusted proxy none is believed, for making or for using', async () => {
    const robot = robotOf()
    const direct = await startExchange({
      settings: { server: { ...server, trustedProxies: ['192.0.2.1'] }, sessions: { bindTo: 'none' } },
    })
    try {
      expect((await direct.exchange({ bind: 'certificate' }, robot.headers)).status).toBe(400)
      const subject = direct.token({ cnf: { [member]: robot.thumbprint } })
      expect((await direct.exchange({ subject_token: subject }, robot.headers)).status).toBe(400)
      const answer = await direct.ask('forward-auth', {
        url: page,
        headers: [['Authorization', `Bearer ${subject}`], ...Object.entries(robot.headers)],
      })
      expect(answer.status).toBe(403)
    } finally {
      await direct.close()
    }
  })

  it('J104 without the setting a bound token of another issuer is refused as ever, and none is made', async () => {
    const robot = robotOf()
    const world = await startExchange()
    try {
      const token = world.token({ cnf: { [member]: robot.thumbprint } })
      const answer = await world.ask('forward-auth', {
        url: page,
        headers: [['Authorization', `Bearer ${token}`], ...Object.entries(robot.headers)],
      })
      expect([answer.status, header(answer, 'www-authenticate')]).toEqual([
        401,
        expect.stringContaining('the token is bound to a key of its bearer'),
      ])
      expect((await world.exchange({ bind: 'certificate' }, robot.headers)).status).toBe(400)
      expect((await world.exchange({ subject_token: token }, robot.headers)).status).toBe(400)
    } finally {
      await world.close()
    }
  })
})
