/**
 * What is printed, run: each real proxy with TLS of its own, a balancer in front and two replicas behind. The files are those
 * of the command, byte for byte; the only thing of a test is nginx.conf, which is the operator's.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { type Authority, createAuthority } from '../certificates.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { type Answer, addresses, ask, logInThrough, type Question } from '../proxies/balancer.ts'
import { startService, type TestService } from '../service.ts'
import { folder, printedFormats, printInto, startPrinted } from './printed.ts'
import { type Relay, startRelay } from './relay.ts'

const hasOpenssl = requirePeer('openssl') !== undefined
const policy = `
p, anyone,        wiki.localhost, /public/**, read, -,      allow
p, anyone,        wiki.localhost, /office/**, *,    office, allow
p, authenticated, wiki.localhost, /**,        *,    -,      allow
`
const page = 'https://wiki.localhost/notes'
const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }
const patience = { timeout: 120_000, interval: 25 }

describe.skipIf(!hasOpenssl)('printed with TLS, a balancer and two replicas', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-printed-'))
  const application = createDemoApp({ name: 'wiki' })
  let authority: Authority
  let world: TestService
  let relays: readonly Relay[]
  let grpcRelays: readonly Relay[]
  let args: readonly string[]

  beforeAll(async () => {
    authority = createAuthority('Printed')
    world = await startService({
      policy,
      conditions: 'office: { source-network: [192.0.2.0/24] }\n',
      replicas: 2,
      settings: {
        server: { url: 'https://auth.localhost', trustedProxies: ['127.0.0.1/32', `${addresses.balancer}/32`] },
        envoy: { listen: '127.0.0.1:0' },
      },
      client: () => ({ redirectUris: ['https://auth.localhost/callback/corp'] }),
    })
    const replicas = [world, world.replica(1)]
    relays = await Promise.all(replicas.map(({ port }) => startRelay(port)))
    grpcRelays = await Promise.all(replicas.map(({ service }) => startRelay(service.ports().envoy ?? 0)))
    const { certificate, key } = authority.issue('wiki.localhost', ['wiki.localhost', 'auth.localhost'])
    const names = [join(directory, 'site.pem'), join(directory, 'site.pem.key')] as const
    writeFileSync(names[0], certificate)
    writeFileSync(names[1], key)
    args = [
      ...['--config', join(world.directory, 'sallyport.yaml'), '--tls-certificate', names[0], '--tls-key', names[1]],
      ...['--host', `wiki.localhost=127.0.0.1:${await listen(application)}`, '--balancer', addresses.balancer],
      ...relays.flatMap(({ port }) => ['--sallyport', `127.0.0.1:${port}`]),
      ...grpcRelays.flatMap(({ port }) => ['--grpc', `127.0.0.1:${port}`]),
    ]
  })

  afterAll(async () => {
    for (const relay of [...(relays ?? []), ...(grpcRelays ?? [])]) await relay.close()
    await world?.close()
    await close(application)
    authority?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  describe.each(printedFormats)('%s', format => {
    describe.skipIf(requirePeer(programOf(format)) === undefined)('as it is', () => {
      let proxy: Child
      let port: number
      let cookie: string

      /** As the balancer passes a request on; or as somebody who gets past it. */
      const send = (address: string, { headers = {}, from = addresses.balancer }: Question = {}): Promise<Answer> => {
        const said = { 'x-forwarded-for': addresses.client, 'x-forwarded-proto': 'https' }
        return ask(address, { headers: { ...said, ...headers }, from, port })
      }
      const statusOf = (headers: Readonly<Record<string, string>>, address = page): Promise<number> =>
        send(address, { headers }).then(
          ({ status }) => status,
          () => 0,
        )
      const untilServed = () =>
        vi.waitUntil(async () => {
          if (!proxy.isRunning()) throw new Error(proxy.lastLines())
          return (await statusOf({}, 'https://wiki.localhost/public/page')) === 200
        }, patience)

      beforeAll(async () => {
        port = await freePort()
        const files = folder(directory, format)
        const checks = ['--checks', `127.0.0.1:${await freePort()}`]
        await printInto(files, [format, ...args, ...checks, '--listen', `127.0.0.1:${port}`], directory)
        proxy = startPrinted(format, files)
        await untilServed()
      })
      afterAll(() => proxy?.stop(1_000))

      it('leads who is not logged in to the login, and back', async () => {
        const challenged = await send(page, { headers: navigation })
        const login = new URL(challenged.headers.location ?? '')
        expect([challenged.status, login.origin, login.searchParams.get('rd')]).toEqual([
          302,
          'https://auth.localhost',
          page,
        ])
        const done = await logInThrough((address, headers) => send(address, { headers }), page)
        expect([done.last.status, done.addresses.at(-1)]).toEqual([200, page])
        cookie = done.cookie
      })

      it('tells the application who it is, whatever a client says of itself', async () => {
        const lies = { 'remote-user': 'mallory', remote_user: 'mallory', 'x-sallyport-assertion': 'forged' }
        const answer = await send(page, { headers: { cookie, accept: 'application/json', ...lies } })
        const told = (JSON.parse(answer.body) as Echo).headers.map(([name, value]) => [name.toLowerCase(), value])
        const of = (name: string) =>
          told.filter(([key, value]) => key === name && value !== '').map(([, value]) => value)
        expect([of('remote-user'), of('x-forwarded-proto'), of('cookie')]).toEqual([['alice'], ['https'], []])
        expect(of('x-sallyport-assertion').map(text => text?.split('.').length)).toEqual([3])
        expect(answer.body).not.toContain('mallory')
      })

      it('believes the balancer, and nobody who gets past it', async () => {
        const office = 'https://wiki.localhost/office/plan'
        const there = { 'x-forwarded-for': '192.0.2.7', accept: 'application/json' }
        expect((await send(office, { headers: there })).status).toBe(200)
        // Envoy does not speak with anybody else; the others ask for a login.
        const stranger = await send(office, { headers: there, from: addresses.stranger }).catch(() => ({ status: 0 }))
        expect([0, 401]).toContain(stranger.status)
        expect(stranger.status === 0).toBe(programOf(format) === 'envoy')
      })

      it('keeps its endpoints for itself, and has nothing on other hosts', async () => {
        for (const path of ['/verify/forward-auth', '/verify/auth-request', '/verify/ext-authz/']) {
          expect(await statusOf({}, `https://auth.localhost${path}`)).toBe(404)
        }
        expect([0, 401, 403, 404]).toContain(await statusOf({ cookie }, 'https://other.localhost/public/page'))
      })

      it('goes on while one replica answers, and lets nobody in while none does', async () => {
        const ask12 = () => Promise.all(Array.from({ length: 12 }, () => statusOf({ cookie })))
        const [first, second] = [0, 1].map(index => [relays[index], grpcRelays[index]])
        for (const relay of first ?? []) await relay?.close()
        expect(new Set(await ask12())).toEqual(new Set([200]))
        for (const relay of second ?? []) await relay?.close()
        expect((await ask12()).filter(status => status < 500 || status > 504)).toEqual([])
        for (const relay of [...relays, ...grpcRelays]) await relay.open()
        await vi.waitUntil(async () => (await statusOf({ cookie })) === 200, patience)
      })
    })
  })
})
