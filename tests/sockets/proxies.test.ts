/**
 * Real proxies that ask over Unix sockets, with the files that `sallyport proxy-config` prints for such a configuration, and
 * those for which it says that they cannot.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { ask, logInThrough } from '../proxies/balancer.ts'
import { folder, printInto, proxyConfig, startPrinted } from '../proxy-config/printed.ts'
import { startService, type TestService } from '../service.ts'

const policy = `
p, anyone,        wiki.localhost, /public/**, read, -,      allow
p, anyone,        wiki.localhost, /office/**, *,    office, allow
p, authenticated, wiki.localhost, /notes/**,  *,    -,      allow
`
const directory = mkdtempSync(join(tmpdir(), 'sallyport-by-socket-'))
const sockets = { check: join(directory, 'check.sock'), grpc: join(directory, 'grpc.sock') }
const application = createDemoApp({ name: 'wiki' })
let world: TestService
let proxyPort: number
let args: readonly string[]

beforeAll(async () => {
  // Proxies that root started ask as another user.
  chmodSync(directory, 0o755)
  proxyPort = await freePort()
  const url = `http://auth.localhost:${proxyPort}`
  world = await startService({
    policy,
    conditions: 'office: { source-network: [127.0.0.7/32] }\n',
    settings: {
      server: { url, listen: `unix:${sockets.check}`, socketMode: '0660', socketOwner: ownerOfProxies() },
      envoy: { listen: `unix:${sockets.grpc}` },
    },
    client: () => ({ redirectUris: [`${url}/callback/corp`] }),
  })
  const site = `wiki.localhost=127.0.0.1:${await listen(application)}`
  args = ['--config', join(world.directory, 'sallyport.yaml'), '--host', site, '--listen', `127.0.0.1:${proxyPort}`]
})
afterAll(async () => {
  await world?.close()
  await close(application)
  rmSync(directory, { recursive: true, force: true })
})

/** The group of NGINX's workers, where there is one; without rights of root everything is one user's. */
function ownerOfProxies(): string {
  return process.getuid?.() === 0 ? ':nogroup' : `:${process.getgid?.()}`
}

describe.each(['nginx', 'haproxy', 'caddy', 'envoy', 'envoy-grpc'] as const)('%s', format => {
  describe.skipIf(requirePeer(programOf(format)) === undefined)('over a Unix socket', () => {
    let proxy: Child
    const statusOf = async (path: string, question: Parameters<typeof ask>[1] = {}): Promise<number> =>
      (await ask(`http://wiki.localhost:${proxyPort}${path}`, question)).status

    beforeAll(async () => {
      const files = folder(directory, format)
      await printInto(files, [format, ...args], directory)
      proxy = startPrinted(format, files)
      await vi.waitUntil(
        async () => {
          if (!proxy.isRunning()) throw new Error(proxy.lastLines())
          return (await statusOf('/public/page').catch(() => 0)) === 200
        },
        { timeout: 60_000, interval: 25 },
      )
    })
    afterAll(() => proxy?.stop(1_000))

    it('leads to the login and back, and tells the application who it is', async () => {
      const page = `http://wiki.localhost:${proxyPort}/notes/today`
      const done = await logInThrough((address, headers) => ask(address, { headers, port: proxyPort }), page)
      expect([done.last.status, done.addresses.at(-1)]).toEqual([200, page])
      const headers = { cookie: done.cookie, accept: 'application/json' }
      const told = (JSON.parse((await ask(page, { headers })).body) as Echo).headers
      expect(told.filter(([name]) => name.toLowerCase() === 'remote-user').map(([, value]) => value)).toEqual(['alice'])
    })

    it('A61 says where a client comes from, whatever the client says', async () => {
      expect(await statusOf('/office/plan', { from: '127.0.0.7' })).toBe(200)
      const lies = { 'x-forwarded-for': '127.0.0.7', forwarded: 'for=127.0.0.7', 'x-real-ip': '127.0.0.7' }
      expect(await statusOf('/office/plan', { from: '127.0.0.3', headers: lies })).toBe(401)
    })
  })
})

describe('proxies that reach no file of another machine', () => {
  it.each(['traefik', 'traefik-labels', 'envoy-gateway', 'ingress-nginx'])(
    '%s is refused, and told why',
    async format => {
      const asked = args.filter((arg, at) => arg !== '--listen' && args[at - 1] !== '--listen')
      const said = await proxyConfig([format, ...asked], directory)
      expect([said.code, said.output]).toEqual([2, ''])
      expect(said.errors).toContain('Sallyport listens on a Unix socket, which this proxy cannot ask')
      expect(said.errors).toContain('--sallyport')
    },
  )

  it('ports and sockets are not mixed', async () => {
    const both = ['--sallyport', `unix:${sockets.check}`, '--sallyport', '127.0.0.1:9180']
    const said = await proxyConfig(['nginx', ...args, ...both], directory)
    expect([said.code, said.errors]).toEqual([2, expect.stringContaining('not by both')])
  })
})
