/**
 * No proxy becomes a tunnel: behind its shipped files stands an unmodified Hypercorn, which speaks h2c. It also stands in
 * for the check and allows everything, so that nothing but the files is between a stranger and `/admin/`.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { type Child, startChild } from '../../cli/demo/child.ts'
import { type ProxyKind, programOf, proxyKinds, type RunningProxy, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { freePort, requirePeer } from '../peers.ts'
import { askThroughTunnel, handshake, send, tunnels } from './tunnels.ts'

const hypercorn = requirePeer('hypercorn')

interface Seen {
  readonly path: string
  readonly http: string
  readonly user: string
  readonly names: readonly string[]
}

let application: Child
let applicationPort: number

/** What has reached the application so far. */
const seen = async (): Promise<readonly Seen[]> =>
  JSON.parse((await request(`http://127.0.0.1:${applicationPort}/seen`)).body) as readonly Seen[]

/** Answers to be expected once the program that listens there is ready. */
async function ready(url: string, child: Child | undefined): Promise<void> {
  const died = child?.died.then(message => Promise.reject(new Error(`${message}\n${child.lastLines()}`)))
  const answers = async (): Promise<void> => {
    while ((await request(url).catch(() => undefined))?.status !== 200) {
      await new Promise(resolve => setTimeout(resolve, 30))
    }
  }
  await Promise.race([answers(), ...(died === undefined ? [] : [died])])
}

describe.skipIf(hypercorn === undefined)('in front of Hypercorn', () => {
  beforeAll(async () => {
    applicationPort = await freePort()
    const file = join(import.meta.dirname, 'tunnel-upstream.py')
    const args = ['--workers', '0', '--bind', `127.0.0.1:${applicationPort}`, `${file}:app`]
    const env = { PYTHONDONTWRITEBYTECODE: '1' }
    application = startChild({ name: 'hypercorn', command: 'hypercorn', args, env })
    await ready(`http://127.0.0.1:${applicationPort}/seen`, application)
  })
  afterAll(() => application?.stop())

  it('the attack works where nothing stands in between', async () => {
    const lines = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
    const answered = await send(applicationPort, requestOf('/direct/public', 'wiki.localhost', lines))
    expect(answered.status).toBe(101)
    expect(await askThroughTunnel(answered, '/direct/secrets')).toContain('/direct/secrets')
    expect(await seen()).toContainEqual(expect.objectContaining({ path: '/direct/secrets', http: '2', user: 'admin' }))
  })

  // Envoy asks over gRPC what no program that stands in for the check here answers.
  for (const kind of proxyKinds.filter(kind => kind !== 'envoy-grpc')) {
    const isAbsent = kind !== 'built-in' && requirePeer(programOf(kind)) === undefined
    describe.skipIf(isAbsent)(`behind ${kind}`, () => describeProxyAlone(kind))
  }
})

function requestOf(path: string, host: string, lines: readonly string[], version = 'HTTP/1.1'): string {
  return `GET ${path} ${version}\r\nHost: ${host}\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`
}

function describeProxyAlone(kind: ProxyKind): void {
  let proxy: RunningProxy
  let port: number
  const host = (name: string): string => `${name}.localhost:${port}`

  beforeAll(async () => {
    port = await freePort()
    const address = `127.0.0.1:${applicationPort}`
    proxy = await startProxy(kind, {
      bind: '127.0.0.1',
      port,
      authHost: 'auth.localhost',
      authAddress: address,
      wikiAddress: address,
      payrollAddress: address,
      providerAddress: address,
    })
    await ready(`http://${host('wiki')}/public/ready`, proxy.child)
  })
  afterAll(() => proxy?.stop())

  describe.each(['wiki', 'auth', 'idp'])('on the host %s', name => {
    it.each(tunnels)('no tunnel, and nothing asks for one: $name', async ({ name: spelling, lines, version }) => {
      const place = `${kind}/${name}/${tunnels.findIndex(tunnel => tunnel.name === spelling)}`
      const answered = await send(port, requestOf(`/public/${place}`, host(name), lines, version))
      expect(answered.status).not.toBe(101)
      expect(await askThroughTunnel(answered, `/admin/${place}`)).not.toContain('"path"')
      const reached = (await seen()).filter(one => one.path.endsWith(`/${place}`))
      expect(reached.filter(one => one.path.startsWith('/admin') || one.http === '2')).toEqual([])
      const names = reached.flatMap(one => one.names)
      expect(names.filter(header => header === 'upgrade' || header === 'http2-settings')).toEqual([])
    })
  })

  it('a WebSocket is opened, in capitals or not', async () => {
    for (const word of ['websocket', 'WebSocket']) {
      const asked = handshake(`http://${host('wiki')}`, '/live').replace('Upgrade: websocket', `Upgrade: ${word}`)
      const answered = await send(port, asked)
      expect([word, answered.status]).toEqual([word, 101])
      answered.socket.destroy()
    }
  })
}
