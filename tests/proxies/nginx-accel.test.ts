/** A check that is answered with the address of another file of NGINX's (`X-Accel-Redirect`) is answered by its status all the same. */
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { navigation, request } from '../../cli/demo/browser.ts'
import { freePort } from '../../cli/demo/ports.ts'
import { type RunningProxy, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'

describe.skipIf(requirePeer('nginx') === undefined)('NGINX with a check that is answered with X-Accel-Redirect', () => {
  const reached: string[] = []
  let status = 403
  let application: Server
  let service: Server
  let proxy: RunningProxy
  let port: number

  beforeAll(async () => {
    application = createServer((asked, response) => {
      reached.push(asked.url ?? '')
      response.end('the application')
    })
    service = createServer((_asked, response) => {
      response
        .writeHead(status, { 'X-Accel-Redirect': '/elsewhere', Location: 'http://auth.localhost/login' })
        .end('no')
    })
    const [address, authAddress] = [`127.0.0.1:${await listen(application)}`, `127.0.0.1:${await listen(service)}`]
    port = await freePort()
    proxy = await startProxy('nginx', {
      bind: '127.0.0.1',
      port,
      authHost: 'auth.localhost',
      authAddress,
      grpcAddress: authAddress,
      wikiAddress: address,
      payrollAddress: address,
      providerAddress: address,
    })
    await vi.waitFor(() => request(`http://idp.localhost:${port}/`), { timeout: 60_000 })
  })
  afterAll(async () => {
    await proxy?.stop()
    await Promise.all([close(application), close(service)])
  })

  it.each([401, 403, 302, 500])('H59: %s lets nobody in', async given => {
    status = given
    reached.length = 0
    const seen = await request(`http://wiki.localhost:${port}/secrets`, { headers: navigation })
    expect([seen.status >= 300, reached]).toEqual([true, []])
  })
})
