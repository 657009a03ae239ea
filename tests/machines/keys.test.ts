/** The keys of an issuer, read over https by the service as it runs: from whom, with what, and what happens when that fails. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Authority, createAuthority } from '../certificates.ts'
import { createSigningIssuer, type SigningIssuer } from '../identity/token-issuer.ts'
import { requirePeer } from '../peers.ts'
import { listen } from '../provider.ts'
import { header } from '../service.ts'
import { type MachinesWorld, startMachines, timesNow } from './world.ts'

type Serve = (request: IncomingMessage, response: ServerResponse) => void

const policy = 'p, client:build/robot, wiki.example.com, /robots/**, *, -, allow\n'

const trusted = (name: string, { issuer }: SigningIssuer) => ({
  name,
  kind: 'generic',
  issuer,
  audience: 'sallyport',
  clientClaim: 'sub',
})

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

describe.skipIf(requirePeer('openssl') === undefined)('keys over https', () => {
  let directory: string
  let authority: Authority
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-issuer-keys-'))
    authority = createAuthority('issuers of tests', directory)
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }

  /** An issuer with a server of its own; `serve` is what it answers. Its origin is its name. */
  async function startIssuer(serve: (issuer: SigningIssuer) => Serve) {
    const asked: IncomingMessage[] = []
    const sockets = new Set<{ destroy(): unknown }>()
    let answer: Serve = () => undefined
    const { certificate: cert, key } = authority.issue('issuer', ['IP:127.0.0.1'])
    const server = createServer({ cert, key }, (request, response) => {
      asked.push(request)
      answer(request, response)
    })
    server.on('connection', socket => sockets.add(socket))
    const port = await listen(server)
    closing.push(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const issuer = createSigningIssuer(`https://127.0.0.1:${port}`, { sub: 'robot' })
    answer = serve(issuer)
    return { issuer, asked }
  }

  async function start(issuer: SigningIssuer, more: object): Promise<MachinesWorld> {
    const caFile = write('ca.pem', authority.certificate)
    const world = await startMachines({
      policy,
      tokenIssuers: () => [{ ...trusted('build', issuer), caFile, ...more }],
      hosts: [{ host: 'wiki.example.com', bearerFrom: ['build'] }],
    })
    closing.push(world.close)
    return world
  }

  const ask = (world: MachinesWorld, issuer: SigningIssuer, claims: object = {}) =>
    world.ask('auth-request', {
      url: 'https://wiki.example.com/robots/now',
      headers: [['Authorization', `Bearer ${issuer.token({ ...timesNow(), ...claims })}`]],
    })

  const documents =
    (document: (issuer: SigningIssuer) => object): ((issuer: SigningIssuer) => Serve) =>
    issuer =>
    ({ url = '' }, response) => {
      const body = url === '/.well-known/openid-configuration' ? document(issuer) : issuer.jwks()
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body))
    }

  it('are those that the discovery document of the issuer names, and are asked for once', async () => {
    const { issuer, asked } = await startIssuer(
      documents(({ issuer }) => ({ issuer, jwks_uri: `${issuer}/openid/v1/jwks` })),
    )
    const world = await start(issuer, {})
    const answers = await Promise.all(Array.from({ length: 5 }, (_, at) => ask(world, issuer, { jti: `id-${at}` })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(asked.map(({ url }) => url)).toEqual(['/.well-known/openid-configuration', '/openid/v1/jwks'])
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
  })

  const elsewhere = createSigningIssuer('https://elsewhere.example.com')
  it.each<readonly [string, (issuer: SigningIssuer) => Serve]>([
    ['without TLS', documents(({ issuer }) => ({ issuer, jwks_uri: `${issuer.replace('https', 'http')}/jwks` }))],
    ['of another issuer', documents(({ issuer }) => ({ issuer: `${issuer}/`, jwks_uri: `${issuer}/jwks` }))],
    ['that nobody names', documents(({ issuer }) => ({ issuer }))],
    [
      'behind a redirect',
      ({ issuer }) =>
        (_request, response) =>
          void response.writeHead(302, { Location: `${issuer}/moved` }).end(),
    ],
    ['that are no JSON', () => (_request, response) => void response.end('<p>keys</p>')],
    ['behind a hang-up', () => (_request, response) => void response.destroy()],
    ['of somebody else', () => (_request, response) => void response.end(JSON.stringify(elsewhere.jwks()))],
  ])('%s let nobody in', async (_name, serve) => {
    const { issuer, asked } = await startIssuer(serve)
    const world = await start(issuer, {})
    const answer = await ask(world, issuer)
    expect(answer.status).toBe(503)
    expect(header(answer, 'remote-user') ?? '').toBe('')
    expect(asked.every(({ url }) => url === '/.well-known/openid-configuration')).toBe(true)
  })

  it('on another host, which has them, let nobody in and are not asked for', async () => {
    let other = ''
    const { issuer } = await startIssuer(documents(({ issuer }) => ({ issuer, jwks_uri: `${other}/jwks` })))
    const keeper = await startIssuer(() => (_request, response) => void response.end(JSON.stringify(issuer.jwks())))
    other = keeper.issuer.issuer
    const world = await start(issuer, {})
    expect((await ask(world, issuer)).status).toBe(503)
    expect(keeper.asked).toEqual([])
  })

  it.each(['the discovery document', 'the keys that it names', 'the keys at an address of their own'])(
    'of another host, to which %s leads by a redirect, let nobody in and are not asked for',
    async place => {
      let other = ''
      const redirect = (response: ServerResponse, path: string): void =>
        void response.writeHead(302, { Location: `${other}${path}` }).end()
      const { issuer } = await startIssuer(source => (question, response) => {
        const { url = '' } = question
        const isNamed = place === 'the keys that it names' && url.startsWith('/.well-known/')
        if (!isNamed) return redirect(response, url)
        documents(({ issuer }) => ({ issuer, jwks_uri: `${issuer}/jwks` }))(source)(question, response)
      })
      // It has all that a redirect could lead to, and it is as good: nothing but the redirect is in the way.
      const keeper = await startIssuer(() =>
        documents(({ issuer }) => ({ issuer, jwks_uri: `${issuer}/jwks` }))(issuer),
      )
      other = keeper.issuer.issuer
      const tokenFile = write('token', 'of-the-service')
      const own = place === 'the keys at an address of their own'
      const world = await start(issuer, own ? { jwksUri: `${issuer.issuer}/jwks`, tokenFile } : {})
      expect((await ask(world, issuer)).status).toBe(503)
      expect(keeper.asked).toEqual([])
    },
  )

  it('of a server whose certificate nobody vouches for let nobody in', async () => {
    const { issuer } = await startIssuer(documents(({ issuer }) => ({ issuer, jwks_uri: `${issuer}/jwks` })))
    const other = createAuthority('somebody else', directory)
    const world = await start(issuer, { caFile: write('other.pem', other.certificate) })
    expect((await ask(world, issuer)).status).toBe(503)
  })

  it('at an address of their own are asked for with the token of a file, as it is by then', async () => {
    const { issuer, asked } = await startIssuer(documents(() => ({})))
    const tokenFile = write('token', 'of-the-service\n')
    const world = await start(issuer, { jwksUri: `${issuer.issuer}/openid/v1/jwks`, tokenFile })
    expect((await ask(world, issuer)).status).toBe(200)
    expect(asked.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/openid/v1/jwks', 'Bearer of-the-service'],
    ])
    expect(world.logText()).not.toContain('of-the-service')
    write('token', 'of-the-service-next\n')
    issuer.rotate()
    expect((await ask(world, issuer)).status).toBe(200)
    expect(asked.at(-1)?.headers.authorization).toBe('Bearer of-the-service-next')
  })

  it('of a server that never answers hold up nobody else, and its own tokens not for ever', async () => {
    const { issuer } = await startIssuer(() => () => undefined)
    const well = await startIssuer(documents(({ issuer }) => ({ issuer, jwks_uri: `${issuer}/jwks` })))
    const caFile = write('ca.pem', authority.certificate)
    const world = await startMachines({
      policy,
      tokenIssuers: () => [
        { ...trusted('dead', issuer), caFile },
        { ...trusted('build', well.issuer), caFile },
      ],
      hosts: [{ host: 'wiki.example.com', bearerFrom: ['dead', 'build'] }],
    })
    closing.push(world.close)
    let isOver = false
    const waiting = ask(world, issuer).finally(() => {
      isOver = true
    })
    expect((await ask(world, well.issuer)).status).toBe(200)
    expect(isOver).toBe(false)
    expect((await waiting).status).toBe(503)
  })
})
