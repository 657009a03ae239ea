/**
 * What attackers put into a token, for every kind of token, at every front as it runs and at the token endpoint: each is refused
 * with its own sentence, and before anybody is asked about it.
 */
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TokenRefusalReason, tokenRefusals } from '../../app/identity/token/refusal.ts'
import { createSigningIssuer } from '../identity/token-issuer.ts'
import { requirePeer } from '../peers.ts'
import {
  allFronts,
  opaque,
  sealedAudience,
  startTokenKinds,
  type TokenKind,
  type TokenKindsWorld,
} from './token-kinds.ts'
import { timesNow } from './world.ts'

const seconds = () => Math.floor(Date.now() / 1000)

type Make = (kind: TokenKind) => string

/** The token with another header, and what makes the signature of it. */
function resigned(kind: TokenKind, head: object, sign: (input: string) => string): string {
  const [first = '', body = ''] = kind.token().split('.')
  const old = JSON.parse(Buffer.from(first, 'base64url').toString())
  const input = `${Buffer.from(JSON.stringify({ ...old, ...head })).toString('base64url')}.${body}`
  return `${input}.${sign(input)}`
}

const hmacBy = (key: string) => (input: string) => createHmac('sha256', key).update(input).digest('base64url')
const mallory = ({ source, token }: TokenKind, header: object = {}): string => {
  const usual = JSON.parse(Buffer.from(token().split('.')[1] ?? '', 'base64url').toString())
  return createSigningIssuer(source.issuer, usual, 'first').token(timesNow(), {
    header: { ...headOf(token()), ...header },
  })
}
const headOf = (token: string): object => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
/** The claims as a text in which this is replaced. */
const rewritten = ({ token }: TokenKind, from: string, to: string): string => {
  const text = Buffer.from(token().split('.')[1] ?? '', 'base64url').toString()
  if (!text.includes(from)) throw new Error(`no ${from}`)
  return token({}, { text: text.replace(from, to) })
}

const bad: readonly (readonly [string, Make, TokenRefusalReason])[] = [
  ['J01 alg none, without a signature', kind => resigned(kind, { alg: 'none' }, () => ''), 'form'],
  ['J01 alg none, with one', kind => resigned(kind, { alg: 'none' }, () => 'AAAA'), 'algorithm'],
  ['J01 alg NONE', kind => resigned(kind, { alg: 'NONE' }, () => 'AAAA'), 'algorithm'],
  [
    'J01 HS256 with the public key as PEM',
    kind =>
      resigned(
        kind,
        { alg: 'HS256' },
        hmacBy(kind.source.publicKey.export({ format: 'pem', type: 'spki' }).toString()),
      ),
    'algorithm',
  ],
  [
    'J01 HS256 with the public key as JWK',
    kind => resigned(kind, { alg: 'HS256' }, hmacBy(JSON.stringify(kind.source.jwks().keys[0]))),
    'algorithm',
  ],
  ['J02 the type of a proof', kind => kind.token({}, { header: { typ: 'dpop+jwt' } }), 'type'],
  ['J02 the type of a log-out token', kind => kind.token({}, { header: { typ: 'logout+jwt' } }), 'type'],
  ['J04 an audience that begins like ours', kind => kind.token({ aud: 'sallyport-staging' }), 'audience'],
  ['J04 an audience with which ours begins', kind => kind.token({ aud: 'sally' }), 'audience'],
  ['J04 a list with others', kind => kind.token({ aud: ['sallyport', 'wiki'] }), 'other-audience'],
  ['J04 a list without us', kind => kind.token({ aud: ['wiki', 'sallyport/x'] }), 'audience'],
  ['J04 no audience', kind => kind.token({ aud: undefined }), 'audience'],
  ['J05 an issuer with a slash', kind => kind.token({ iss: `${kind.source.issuer}/` }), 'issuer'],
  ['J05 an issuer in capitals', kind => kind.token({ iss: kind.source.issuer.toUpperCase() }), 'issuer'],
  ['J05 a list of issuers', kind => kind.token({ iss: [kind.source.issuer] }), 'issuer'],
  ['J07 exp as text', kind => kind.token({ exp: `${seconds() + 60}` }), 'claim'],
  ['J07 no exp', kind => kind.token({ exp: undefined }), 'claim'],
  ['J07 iat as text', kind => kind.token({ iat: `${seconds()}` }), 'claim'],
  ['J07 an end 90 s ago', kind => kind.token({ exp: seconds() - 90, iat: seconds() - 300 }), 'expired'],
  ['J07 a beginning in 90 s', kind => kind.token({ iat: seconds() + 90, nbf: undefined }), 'not-yet'],
  ['J07 nbf in 90 s', kind => kind.token({ nbf: seconds() + 90 }), 'not-yet'],
  ['J08 aud twice', kind => rewritten(kind, '"aud":', '"aud":"other","aud":'), 'duplicate'],
  ['J08 sub twice, once with an escape', kind => rewritten(kind, '"sub":', '"sub":"x","\\u0073ub":'), 'duplicate'],
  ['J12 9 KB', kind => kind.token({ padding: 'x'.repeat(9_000) }), 'size'],
  ['J13 a path as kid', kind => kind.token({}, { header: { kid: '../../../../dev/null' } }), 'key'],
  ['J13 an address as kid', kind => kind.token({}, { header: { kid: 'https://evil.example/jwks' } }), 'key'],
  ['J13 jku', kind => mallory(kind, { jku: 'https://evil.example/jwks' }), 'signature'],
  ['J13 x5u, without kid', kind => mallory(kind, { x5u: 'https://evil.example/pem', kid: undefined }), 'signature'],
  ['J01 another key of the same name', kind => mallory(kind), 'signature'],
]

describe.skipIf(requirePeer('openssl') === undefined)('a token of every kind, at every front', () => {
  let world: TokenKindsWorld
  beforeAll(async () => {
    world = await startTokenKinds()
  })
  afterAll(() => world?.close())

  /** By kind and front, what `ask` gives; so that a failure says all that went wrong. */
  async function overall<T>(ask: (kind: TokenKind, front: (typeof allFronts)[number]) => Promise<T>) {
    const found: Record<string, T> = {}
    for (const kind of world.kinds) {
      for (const front of allFronts) found[`${kind.name} at ${front}`] = await ask(kind, front)
    }
    return found
  }
  const everywhere = <T>(value: (kind: TokenKind) => T) => overall(async kind => value(kind))

  it('is let in as whom it names', async () => {
    expect(await overall(({ host, token }, front) => world.askWith(front, host, token()))).toEqual(
      await everywhere(({ bearer }) => ({ status: 200, challenge: undefined, user: bearer })),
    )
    for (const { token } of world.kinds) {
      expect((await world.exchange({ subject_token: token(), audience: 'own.example.com' })).status).toBe(200)
    }
  })

  it.each(bad)('is refused: %s', async (_what, make, reason) => {
    const sentence = expect.stringContaining(tokenRefusals[reason])
    const before = world.asked.length
    expect(await overall((kind, front) => world.askWith(front, kind.host, make(kind)))).toEqual(
      await everywhere(() => ({ status: 401, challenge: sentence, user: undefined })),
    )
    for (const kind of world.kinds) {
      const { status, body } = await world.exchange({ subject_token: make(kind), audience: 'own.example.com' })
      const told = reason === 'size' ? 'subject_token has another form' : sentence
      expect([kind.name, status, body.error_description]).toEqual([kind.name, 400, told])
    }
    expect(world.asked.length).toBe(before)
  })

  it('J11 is refused at a host that takes tokens of others, or with another audience', async () => {
    const refused = (sentence: string) => ({
      status: 401,
      challenge: expect.stringContaining(sentence),
      user: undefined,
    })
    const [first, second] = world.kinds
    const neighbour = ({ name }: TokenKind) => (name === first?.name ? second?.host : first?.host) ?? ''
    expect(await overall((kind, front) => world.askWith(front, neighbour(kind), kind.token()))).toEqual(
      await everywhere(() => refused(tokenRefusals.issuer)),
    )
    const sealed = 'sealed.example.com'
    expect(await overall((kind, front) => world.askWith(front, sealed, kind.token()))).toEqual(
      await everywhere(() => refused(tokenRefusals.audience)),
    )
    const forIt = ({ token }: TokenKind) => token({ aud: sealedAudience })
    expect(await overall(async (kind, front) => (await world.askWith(front, sealed, forIt(kind))).status)).toEqual(
      await everywhere(() => 200),
    )
    expect(await overall((kind, front) => world.askWith(front, kind.host, forIt(kind)))).toEqual(
      await everywhere(() => refused(tokenRefusals.audience)),
    )
  })

  it.each<readonly [string, (token: string) => readonly (readonly [string, string])[]]>([
    [
      'two lines',
      token => [
        ['Authorization', `Bearer ${token}`],
        ['Authorization', `Bearer ${token}`],
      ],
    ],
    [
      'Basic in another line',
      token => [
        ['Authorization', 'Basic Ym9iOng='],
        ['Authorization', `Bearer ${token}`],
      ],
    ],
  ])('J16 is 400 beside %s', async (_what, headers) => {
    expect(
      await overall(async ({ host, token }, front) => {
        const { status, challenge, user } = await world.ask(front, `https://${host}/x`, headers(token()))
        return [status, challenge?.slice(0, 30), user]
      }),
    ).toEqual(await everywhere(() => [400, 'Bearer error="invalid_request"', undefined]))
  })

  it('J16 is refused beside Basic in one line, and read neither out of the address nor out of a cookie', async () => {
    const told = (challenge: unknown) => ({ status: 401, challenge, user: undefined })
    const refused = await overall(({ host, token }, front) =>
      world.ask(front, `https://${host}/x`, [['Authorization', `Basic Ym9iOng=, Bearer ${token()}`]]),
    )
    expect(refused).toEqual(await everywhere(() => told(expect.stringContaining(tokenRefusals.form))))
    const unread = await overall(({ host, token }, front) =>
      world.ask(front, `https://${host}/x?access_token=${token()}`, [], `access_token=${token()}`),
    )
    expect(unread).toEqual(await everywhere(({ host }) => told(`Bearer realm="${host}"`)))
  })

  it.each<readonly [string, object, TokenRefusalReason]>([
    ['J04 an audience that begins like ours', { aud: 'sallyport-staging' }, 'audience'],
    ['J04 a list with others', { aud: ['sallyport', 'wiki'] }, 'other-audience'],
    ['J05 an issuer with a slash', { iss: 'https://introspected.issuer.example/' }, 'issuer'],
    ['J07 exp as text', { exp: `${seconds() + 60}` }, 'claim'],
    ['J07 an end 90 s ago', { exp: seconds() - 90, iat: seconds() - 300 }, 'expired'],
    ['J07 a beginning in 90 s', { iat: seconds() + 600, exp: seconds() + 700, nbf: undefined }, 'not-yet'],
  ])('an opaque one is refused that its issuer says is %s', async (_what, said, reason) => {
    const usual = { iss: 'https://introspected.issuer.example', aud: 'sallyport', token_type: 'Bearer' }
    const claims = { ...usual, ...timesNow(), sub: 'robot', client_id: 'robot' }
    for (const front of allFronts) {
      const ask = (one: object) => world.askWith(front, 'introspected.example.com', opaque(one))
      expect((await ask(claims)).user).toBe('client:introspected/robot')
      expect(await ask({ ...claims, ...said })).toEqual({
        status: 401,
        challenge: expect.stringContaining(tokenRefusals[reason]),
        user: undefined,
      })
    }
  })

  it('J12 of a megabyte reaches nobody', async () => {
    const token = 'x'.repeat(1_048_576)
    for (const kind of world.kinds.slice(0, 1)) {
      for (const front of ['auth-request', 'forward-auth', 'ext-authz'] as const) {
        expect((await world.askWith(front, kind.host, token)).status).toBe(431)
      }
      // RESOURCE_EXHAUSTED: no answer, which is no allow.
      await expect(world.askWith('grpc', kind.host, token)).rejects.toMatchObject({ code: 8 })
      expect((await world.exchange({ subject_token: token })).status).toBe(413)
    }
    const shorter = await world.askWith('grpc', 'generic.example.com', 'x'.repeat(100_000))
    expect(shorter.status).toBe(431)
  })

  it('J05 of two thousand issuers asks nobody, and makes no series of its own', async () => {
    const series = async () => {
      const page = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text()
      const lines = page.split('\n').filter(line => line.startsWith('sallyport_'))
      const count = lines.find(line => line.startsWith('sallyport_token_refusals_total{reason="issuer"}'))
      return { length: lines.length, count: Number(count?.split(' ').at(-1)) }
    }
    const host = 'sealed.example.com'
    await world.askWith('auth-request', host, madeUp(0))
    const [before, asked] = [await series(), world.asked.length]
    expect(await pipelined(world.port, host, 2_000)).toEqual({ 401: 2_000 })
    expect(await series()).toEqual({ length: before.length, count: before.count + 2_000 })
    expect(world.asked.length).toBe(asked)
    expect((await world.askWith('auth-request', 'generic.example.com', world.kinds.at(-1)?.token() ?? '')).status).toBe(
      200,
    )
  })

  it('J07 is refused by a clock that is 90 s ahead of its end or behind its beginning', async () => {
    const refused = (reason: TokenRefusalReason) => ({
      status: 401,
      challenge: expect.stringContaining(tokenRefusals[reason]),
      user: undefined,
    })
    const tokens = new Map(world.kinds.map(({ name, token }) => [name, token({ exp: seconds() + 40 })]))
    const known = (kind: TokenKind) => tokens.get(kind.name) ?? ''
    expect(await overall(async (kind, front) => (await world.askWith(front, kind.host, known(kind))).status)).toEqual(
      await everywhere(() => 200),
    )
    world.moveClock(90)
    expect(await overall((kind, front) => world.askWith(front, kind.host, known(kind)))).toEqual(
      await everywhere(() => refused('expired')),
    )
    world.moveClock(-180)
    expect(await overall((kind, front) => world.askWith(front, kind.host, kind.token()))).toEqual(
      await everywhere(() => refused('not-yet')),
    )
    world.moveClock(90)
  })
})

const madeUp = (index: number): string => {
  const claims = Buffer.from(JSON.stringify({ iss: `https://${index}.example` })).toString('base64url')
  return `eyJhbGciOiJFUzI1NiJ9.${claims}.AAAA`
}

/** So many checks on one connection, each with a token of another issuer; how often each status was answered. */
function pipelined(port: number, host: string, count: number): Promise<Record<number, number>> {
  const found: Record<number, number> = {}
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let rest = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      rest += text
      const lines = rest.matchAll(/HTTP\/1\.1 (\d{3}) /g)
      let end = 0
      for (const line of lines) {
        found[Number(line[1])] = (found[Number(line[1])] ?? 0) + 1
        end = line.index + line[0].length
      }
      rest = rest.slice(Math.max(end, rest.length - 12))
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(found))
    for (let index = 1; index <= count; index += 1) {
      const last = index === count ? 'Connection: close\r\n' : ''
      socket.write(
        `GET /verify/auth-request HTTP/1.1\r\nHost: x\r\nX-Original-Method: GET\r\nX-Original-URL: https://${host}/x\r\n` +
          `Authorization: Bearer ${madeUp(index)}\r\n${last}\r\n`,
      )
    }
  })
}
