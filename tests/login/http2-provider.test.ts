/** A provider that speaks HTTP/2: beside HTTP/1.1, which is what it is spoken to in, and alone, which is said. */
import { request as httpRequest } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { createAuthority } from '../certificates.ts'
import { requirePeer } from '../peers.ts'
import { listen } from '../provider.ts'
import { startMisbehavingProvider } from './misbehaving-provider.ts'
import { corp, locationOf, startRelyingParty, wiki } from './relying-party.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const start = `/login?rd=${encodeURIComponent(wiki)}`

function createTls() {
  const authority = createAuthority('authority of the tests')
  closing.push(authority.close)
  const { certificate, key } = authority.issue('idp', ['idp.localhost'])
  const outbound = createOutbound({ certificateAuthority: authority.certificate })
  closing.push(outbound.close)
  return { tls: { cert: certificate, key }, outbound }
}

async function listenSecurely(server: Http2SecureServer | ReturnType<typeof createTlsServer>): Promise<string> {
  const sockets = new Set<{ destroy(): unknown }>()
  server.on('connection', socket => sockets.add(socket))
  const port = await listen(server as never)
  closing.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return `https://idp.localhost:${port}`
}

async function startParty(issuer: string, { fetch }: ReturnType<typeof createOutbound>) {
  const party = await startRelyingParty({ providers: [corp(issuer)], discovery: { fetch } })
  closing.push(party.close)
  await party.providers.start()
  return party
}

describe.skipIf(requirePeer('openssl') === undefined)('a provider', () => {
  test('that speaks both is spoken to in HTTP/1.1, for a whole login', async () => {
    const { tls, outbound } = createTls()
    const spoken: string[] = []
    let behind = ''
    const front = createSecureServer({ ...tls, allowHTTP1: true }, (request, response) => {
      spoken.push(`${request.method} ${request.url} ${request.httpVersion}`)
      const { method, headers } = request
      const passed = httpRequest(`${behind}${request.url}`, { method, headers }, answer => {
        response.writeHead(answer.statusCode ?? 500, { 'content-type': answer.headers['content-type'] })
        answer.pipe(response as never)
      })
      request.pipe(passed)
    })
    const issuer = await listenSecurely(front)
    const provider = await startMisbehavingProvider({ issuer })
    closing.push(provider.close)
    behind = provider.address.replace('idp.localhost', '127.0.0.1')
    const party = await startParty(issuer, outbound)
    const browser = party.browser()
    expect(locationOf(await browser.get(provider.answerTo(locationOf(await browser.get(start)), {})))).toBe(wiki)
    expect(spoken).toEqual([
      'GET /.well-known/openid-configuration 1.1',
      'POST /token 1.1',
      'GET /jwks 1.1',
      'GET /userinfo 1.1',
    ])
  })

  const expectSaid = async (issuer: string, outbound: ReturnType<typeof createOutbound>, said: RegExp) => {
    const party = await startParty(issuer, outbound)
    const [status] = party.providers.status()
    expect(status).toMatchObject({ ready: false, lastError: expect.stringMatching(said) })
    expect(status?.lastError).toContain(`discovery ${issuer}/.well-known/openid-configuration `)
    expect(party.log[0]).toMatchObject({
      fields: { provider: 'corp', reason: status?.lastError },
      message: 'provider discovery failed',
    })
    const response = await party.browser().get(start)
    expect(response.status).toBe(503)
    expect(response.text).toContain('The identity provider cannot be reached')
  }

  test('that speaks HTTP/2 alone is said at discovery, with what to do, and is asked nothing', async () => {
    const { tls, outbound } = createTls()
    const asked: unknown[] = []
    const server = createSecureServer({ ...tls, allowHTTP1: false }, (request, response) => {
      asked.push(request.url)
      response.end()
    })
    const said =
      /speaks no HTTP\/1\.1, probably HTTP\/2 alone, which is not supported: switch on HTTP\/1\.1 at the provider/
    await expectSaid(await listenSecurely(server), outbound, said)
    expect(asked).toEqual([])
  })

  test('that speaks HTTP/2 without asking what is understood is said as well', async () => {
    const { tls, outbound } = createTls()
    // An empty SETTINGS frame, with which every server of HTTP/2 begins (RFC 9113 section 3.4).
    const server = createTlsServer(tls, socket => {
      socket.on('error', () => {})
      socket.write(Buffer.from('000000040000000000', 'hex'))
    })
    await expectSaid(await listenSecurely(server), outbound, /sent what is no HTTP\/1\.1; if it speaks HTTP\/2 alone/)
  })
})
