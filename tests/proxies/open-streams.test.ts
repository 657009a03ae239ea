/** A WebSocket that the built-in proxy carries ends with its session, not with the tab. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { listen } from '../../cli/demo/ports.ts'
import { startBuiltInProxy } from '../../cli/demo/proxies/built-in-proxy.ts'
import { watchStream } from '../../cli/demo/watched-stream.ts'
import { freePort } from '../peers.ts'
import { handshake } from './tunnels.ts'

describe('a stream that is watched', () => {
  afterEach(() => vi.useRealTimers())

  it('is asked about at each interval, and cut at the first refusal', async () => {
    vi.useFakeTimers()
    const stream = new PassThrough()
    const isAllowed = vi.fn(async () => isAllowed.mock.calls.length < 3)
    watchStream(stream, isAllowed, 1_000)
    await vi.advanceTimersByTimeAsync(2_999)
    expect([isAllowed.mock.calls.length, stream.destroyed]).toEqual([2, false])
    await vi.advanceTimersByTimeAsync(1)
    expect([isAllowed.mock.calls.length, stream.destroyed]).toEqual([3, true])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(isAllowed).toHaveBeenCalledTimes(3)
  })

  it('is cut when there is no answer', async () => {
    vi.useFakeTimers()
    const stream = new PassThrough()
    watchStream(stream, () => Promise.reject(new Error('no answer')), 1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(stream.destroyed).toBe(true)
  })

  it('is not asked about any more once it has closed', async () => {
    vi.useFakeTimers()
    const stream = new PassThrough()
    const isAllowed = vi.fn(async () => true)
    watchStream(stream, isAllowed, 1_000)
    stream.destroy()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(isAllowed).not.toHaveBeenCalled()
  })
})

describe('a WebSocket behind the built-in proxy', () => {
  let status = 200
  const asked: (string | undefined)[] = []
  const check = createServer((request, response) => {
    asked.push(request.headers.cookie)
    response.writeHead(status, { 'Remote-User': 'alice', Cookie: '' }).end()
  })
  /** Opens every WebSocket and leaves it open. */
  const application = createServer().on('upgrade', (_request, socket: Socket) => {
    socket.on('error', () => socket.destroy()).on('end', () => socket.end())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  })
  let port: number
  let stop: () => Promise<void>

  beforeAll(async () => {
    const addressOf = async (server: Server): Promise<string> => `127.0.0.1:${await listen(server)}`
    port = await freePort()
    const [authAddress, wikiAddress] = [await addressOf(check), await addressOf(application)]
    const others = { payrollAddress: wikiAddress, providerAddress: wikiAddress }
    const targets = { bind: '127.0.0.1', port, authHost: 'auth.localhost', authAddress, wikiAddress, ...others }
    stop = await startBuiltInProxy(targets, 20)
  })
  afterAll(async () => {
    await stop()
    for (const server of [check, application]) {
      server.closeAllConnections()
      server.close()
    }
  })

  it('stays open while the session does, and ends on both sides when it has ended', async () => {
    const opened = once(application, 'upgrade') as Promise<[unknown, Socket]>
    const client = connect(port, '127.0.0.1').on('error', () => undefined)
    client.write(handshake(`http://wiki.localhost:${port}`, '/live', ['Cookie: own=session']))
    const [, upstream] = await opened
    expect(String((await once(client, 'data'))[0])).toContain('101')
    // The first one opened it; the others were about the open one, with the cookie that it came with.
    while (asked.length < 4) await once(check, 'request')
    expect(new Set(asked)).toEqual(new Set(['own=session']))
    expect([client.destroyed, upstream.destroyed]).toEqual([false, false])

    const closed = Promise.all([once(client, 'close'), once(upstream, 'close')])
    client.resume()
    upstream.resume()
    status = 401
    await closed
  })
})
