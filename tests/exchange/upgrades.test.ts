/** A token for reading opens no WebSocket, behind any of the real proxies with the files of deploy/. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import { programOf, proxyKinds, type RunningProxy, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { handshake, send } from '../proxies/tunnels.ts'
import { type ExchangeWorld, startExchange } from './world.ts'

const policy = `
p, service-account:prod/ci/deployer, tokens,         /wiki.localhost, create, -, allow
p, service-account:prod/ci/deployer, wiki.localhost, /**,             *,      -, allow
`

const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const version = 'Sec-WebSocket-Version: 13'

/** Handshakes that some application opens, although the standard would not have it. */
const odd: readonly (readonly [string, readonly string[]])[] = [
  ['without a key', [version]],
  ['without a version', [key]],
  ['with neither', []],
  ['with a protocol alone', ['Sec-WebSocket-Protocol: chat']],
  [
    'of an old draft',
    ['Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8', 'Sec-WebSocket-Key2: 1_ tx7X d  <  nw'],
  ],
]

const application = createDemoApp({ name: 'wiki' })
let world: ExchangeWorld
let address: string
let reading: string
let writing: string

beforeAll(async () => {
  const hosts = [{ host: 'wiki.localhost', bearerFrom: ['sallyport'] }]
  world = await startExchange({ policy, hosts, settings: { envoy: { listen: '127.0.0.1:0' } } })
  address = `127.0.0.1:${await listen(application)}`
  reading = await world.exchanged({ audience: 'wiki.localhost', scope: 'read' })
  writing = await world.exchanged({ audience: 'wiki.localhost', scope: 'read write' })
})
afterAll(async () => {
  await world?.close()
  await close(application)
})

for (const kind of proxyKinds) {
  const isAbsent = kind !== 'built-in' && requirePeer(programOf(kind)) === undefined
  describe.skipIf(isAbsent)(`a token through ${kind}`, () => {
    let proxy: RunningProxy
    let port: number

    beforeAll(async () => {
      port = await freePort()
      const targets = { bind: '127.0.0.1', port, authHost: 'auth.localhost', authAddress: `127.0.0.1:${world.port}` }
      const grpcAddress = `127.0.0.1:${world.service.ports().envoy}`
      const addresses = { wikiAddress: address, payrollAddress: address, providerAddress: address }
      proxy = await startProxy(kind, { ...targets, ...addresses, grpcAddress })
      const url = `http://wiki.localhost:${port}/ready`
      for (let attempt = 0; ; attempt += 1) {
        const headers = { authorization: `Bearer ${reading}` }
        if ((await request(url, { headers }).catch(() => undefined))?.status === 200) break
        if (attempt > 2_000) throw new Error('the proxy does not answer')
        await new Promise(resolve => setTimeout(resolve, 25))
      }
    })
    afterAll(() => proxy?.stop())

    async function ask(text: string): Promise<{ readonly status: number; readonly text: string }> {
      const { status, text: answer, socket } = await send(port, text)
      socket.destroy()
      return { status, text: answer }
    }
    const opening = (token: string) =>
      handshake(`http://wiki.localhost:${port}`, '/live', [`Authorization: Bearer ${token}`])

    it('J90 for reading opens no WebSocket', async () => {
      const refused = await ask(opening(reading))
      expect(refused.status).toBe(403)
      expect(refused.text).not.toContain('hello')
    })

    it('for reading and writing opens one', async () => {
      const opened = await ask(opening(writing))
      expect(opened.status).toBe(101)
    })

    it.each(odd)('J90 for reading opens no WebSocket %s', async (_what, lines) => {
      const head = ['GET /live HTTP/1.1', `Host: wiki.localhost:${port}`, `Authorization: Bearer ${reading}`]
      const text = [...head, 'Connection: Upgrade', 'Upgrade: websocket', ...lines, '', ''].join('\r\n')
      expect([400, 403]).toContain((await ask(text)).status)
    })

    it('J90 for reading opens none whose own headers are named in Connection, for the proxy to drop', async () => {
      const names = 'Connection: Upgrade, Sec-WebSocket-Key, Sec-WebSocket-Version'
      const text = opening(reading).replace('Connection: Upgrade', names)
      expect([400, 403]).toContain((await ask(text)).status)
    })
  })
}
