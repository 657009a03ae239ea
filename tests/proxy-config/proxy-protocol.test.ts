/**
 * Balancers that pass TLS on and speak the PROXY protocol, in front of each real proxy with the files that are printed
 * (`--proxy-protocol`). The balancer is a socket that begins with the header, version 1 or 2, as its specification has it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, isIPv6 } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { parse as parseAddress } from 'ipaddr.js'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { createAuthority } from '../certificates.ts'
import { goodSecret } from '../config/load-text.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { addresses } from '../proxies/balancer.ts'
import { startService, type TestService } from '../service.ts'
import { printInto, proxyConfig, startPrinted } from './printed.ts'

const formats = ['haproxy', 'nginx', 'envoy', 'envoy-grpc'] as const
const policy = `
p, anyone, wiki.localhost, /office/**, *, office, allow
p, anyone, wiki.localhost, /public/**, *, -,      allow
`
const inside = ['192.0.2.7', '2001:db8::7'] as const
const outside = ['198.51.100.9', '2001:db9::7'] as const

const first = (source: string): string =>
  `PROXY TCP${isIPv6(source) ? 6 : 4} ${source} ${isIPv6(source) ? '::1' : '127.0.0.1'} 40000 443\r\n`

/** `command`: 1 is PROXY, 0 is LOCAL, with which a balancer speaks for itself. */
function second(source: string, command = 1): string {
  const own = isIPv6(source) ? '::1' : '127.0.0.1'
  const ends = [source, own].flatMap(address => parseAddress(address).toByteArray())
  const body = [...ends, 156, 64, 1, 187]
  const head = [0x20 + command, isIPv6(source) ? 0x21 : 0x11, 0, body.length]
  return `\r\n\r\n\0\r\nQUIT\n${Buffer.from([...head, ...body]).toString('latin1')}`
}

interface Question {
  readonly port: number
  /** What stands before the first byte of TLS. */
  readonly header: string
  readonly from?: string
  readonly host?: string
  readonly path?: string
  readonly lines?: readonly string[]
}

/** The status; 0 where the connection was closed. */
function statusOf({ port, header, from = addresses.balancer, host = 'wiki.localhost', ...more }: Question) {
  const { path = '/public/a', lines = [] } = more
  return new Promise<number>(resolve => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    const finish = (): void => {
      socket.destroy()
      resolve(Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0))
    }
    socket.on('error', finish).on('close', finish)
    if (header !== '') socket.write(header, 'latin1')
    const secure = connectTls({ socket, servername: host, rejectUnauthorized: false })
    secure.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk
    })
    secure.on('error', finish).on('end', finish)
    secure.write([`GET ${path} HTTP/1.1`, `Host: ${host}`, ...lines, 'Connection: close', '', ''].join('\r\n'))
  })
}

describe.skipIf(requirePeer('openssl') === undefined)('printed behind a balancer of the PROXY protocol', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-proxy-protocol-'))
  const application = createDemoApp({ name: 'wiki' })
  const authority = createAuthority('Behind a balancer')
  let world: TestService
  let args: readonly string[]

  beforeAll(async () => {
    world = await startService({
      policy,
      conditions: 'office: { source-network: [192.0.2.0/24, 2001:db8::/32] }\n',
      settings: { server: { url: 'https://auth.localhost' }, envoy: { listen: '127.0.0.1:0' } },
      client: () => ({ redirectUris: ['https://auth.localhost/callback/corp'] }),
    })
    const { certificate, key } = authority.issue('localhost', ['wiki.localhost', 'auth.localhost'])
    const file = join(directory, 'site.pem')
    writeFileSync(file, certificate)
    writeFileSync(`${file}.key`, key)
    args = [
      ...['--config', join(world.directory, 'sallyport.yaml'), '--tls-certificate', file, '--tls-key', `${file}.key`],
      ...['--host', `wiki.localhost=127.0.0.1:${await listen(application)}`, '--sallyport', `127.0.0.1:${world.port}`],
      ...['--grpc', `127.0.0.1:${world.service.ports().envoy}`, '--balancer', addresses.balancer, '--proxy-protocol'],
      // Loopback has no second address of IPv6: what is said of it is printed, and does no harm.
      ...['--balancer', 'fd00::/8'],
    ]
  })
  afterAll(async () => {
    await world?.close()
    await close(application)
    authority.close()
    rmSync(directory, { recursive: true, force: true })
  })

  describe.each(formats)('%s', format => {
    describe.skipIf(requirePeer(programOf(format)) === undefined)('the real one', () => {
      let proxy: Child
      let port: number

      beforeAll(async () => {
        port = await freePort()
        const place = join(directory, format)
        await printInto(place, [format, ...args, '--listen', `127.0.0.1:${port}`], directory)
        proxy = startPrinted(format, place)
        await vi.waitUntil(
          async () => {
            if (!proxy.isRunning()) throw new Error(proxy.lastLines())
            return (await statusOf({ port, header: first(outside[0]) })) === 200
          },
          { timeout: 120_000, interval: 25 },
        )
      })
      afterAll(() => proxy?.stop(1_000))

      it('H47 judges by the address that the balancer names, and by nothing that a client says', async () => {
        for (const header of [first, second]) {
          for (const source of inside)
            expect(await statusOf({ port, header: header(source), path: '/office/a' })).toBe(200)
          for (const source of outside)
            for (const line of ['X-Forwarded-For: 192.0.2.7', 'X-Real-IP: 192.0.2.7', 'Forwarded: for=192.0.2.7'])
              expect(await statusOf({ port, header: header(source), path: '/office/a', lines: [line] })).toBe(401)
        }
      })

      it.each([
        ['nothing', ''],
        ['version 1', first(inside[0])],
        ['version 2', second(inside[0])],
        ['version 1 for the balancer', first(addresses.balancer)],
        ['nobody', 'PROXY UNKNOWN\r\n'],
        ['itself', second(inside[0], 0)],
        ['two headers', `${first(addresses.balancer)}${first(inside[0])}`],
      ])('H48 a stranger gets in nowhere, whoever it says it is: %s', async (_what, header) => {
        for (const host of ['wiki.localhost', 'auth.localhost', 'other.localhost'])
          for (const path of ['/office/a', '/public/a', '/.well-known/jwks.json'])
            expect(await statusOf({ port, header, from: addresses.stranger, host, path })).toBe(0)
      })

      it('H48 lets in no connection of the balancer that does not begin with it', async () => {
        for (const header of ['', 'PROXY TCP4 192.0.2.7\r\n', second(inside[0]).slice(1)])
          expect(await statusOf({ port, header })).toBe(0)
      })

      it('H47 takes for the balancer itself what that says of no client', async () => {
        // HAProxy takes version 1 for nobody in its short form alone.
        for (const header of ['PROXY UNKNOWN\r\n', second(inside[0], 0)]) {
          expect(await statusOf({ port, header })).toBe(200)
          expect(await statusOf({ port, header, path: '/office/a' })).toBe(401)
        }
      })
    })
  })
})

describe('the PROXY protocol', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-proxy-protocol-'))
  const tls = ['--tls-certificate', '/etc/site.pem', '--tls-key', '/etc/site.pem.key']
  const balancer = ['--balancer', '10.0.0.10', '--proxy-protocol']

  beforeAll(() => {
    const provider = {
      name: 'corp',
      issuer: 'https://idp.example.com',
      clientId: 'sallyport',
      clientSecret: goodSecret,
    }
    const settings = {
      server: { url: 'https://auth.example.com' },
      providers: [provider],
      sessions: { secret: goodSecret },
    }
    writeFileSync(join(directory, 'sallyport.yaml'), JSON.stringify(settings), { mode: 0o600 })
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it.each([
    ...['caddy', 'traefik', 'traefik-labels', 'contour', 'istio'].map(
      format =>
        [format, [...tls, ...balancer], '--proxy-protocol is for haproxy, nginx, envoy and envoy-grpc'] as const,
    ),
    ['haproxy', [...tls, '--proxy-protocol'], '--balancer speaks, which is missing'],
    ['haproxy', balancer, 'add --tls-certificate and --tls-key'],
    ['envoy', [...tls, ...balancer, '--http3'], 'leave --http3 out'],
  ] as const)('H48 is refused for %s with %j', async (format, args, message) => {
    const said = await proxyConfig([format, '--host', 'wiki.example.com=app:8080', ...args], directory)
    expect([said.code, said.output]).toEqual([2, ''])
    expect(said.errors).toContain(message)
  })

  it('leaves certificates of clients where TLS ends', async () => {
    const args = [
      'haproxy',
      '--host',
      'wiki.example.com=app:8080',
      ...tls,
      ...balancer,
      '--client-ca',
      '/etc/people.pem',
    ]
    const said = await proxyConfig(args, directory)
    expect([said.code, said.errors]).toEqual([0, expect.not.stringContaining('error')])
    expect(said.output).toMatch(/^ {4}bind 0\.0\.0\.0:443 ssl .* ca-file \/etc\/people\.pem verify required$/m)
    expect(said.output).not.toMatch(/req\.hdr_ip\(x-forwarded-for/)
  })
})
