/** Whoever holds connections to the receiver and says nothing does not keep out the API server. */
import { once } from 'node:events'
import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { ReceiverOptions } from '../../../app/kubernetes/audit/receiving/receiver.ts'
import { auditEvent } from '../audit-events.ts'
import {
  apiServer,
  authority,
  byCertificate,
  byToken,
  listOf,
  post,
  type Running,
  start,
  token,
} from './running-receiver.ts'

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

async function idle({ receiver }: Running, count: number, { isTls = false } = {}): Promise<Socket[]> {
  const port = Number(new URL(receiver.address).port)
  const sockets = Array.from({ length: count }, () => {
    const at = { host: '127.0.0.1', port }
    const { certificate: cert, key } = apiServer
    const socket = isTls ? tlsConnect({ ...at, ca: authority.certificate, cert, key }) : connect(at)
    socket.on('error', () => undefined)
    return socket
  })
  open.push(...sockets)
  await Promise.all(sockets.map(socket => once(socket, isTls ? 'secureConnect' : 'connect')))
  return sockets
}

const ended = async (socket: Socket): Promise<void> => {
  socket.resume()
  if (!socket.destroyed) await once(socket, 'close')
}

/** So that nothing but the coming of others cuts anybody. */
const patient = { idleMs: 100_000, requestMs: 100_000 }
const batch = listOf(auditEvent())
const bearer = { authorization: `Bearer ${token}` }

describe('M26 as many connections as there may be, on which nothing comes', () => {
  test.each<readonly [string, Partial<ReceiverOptions>, object, object]>([
    ['before a handshake, beside a certificate', byCertificate, { client: apiServer }, {}],
    ['after one, beside a certificate', byCertificate, { client: apiServer }, { isTls: true }],
    ['before a handshake, beside a token', byToken, { headers: bearer }, {}],
    ['on this machine alone', {}, {}, {}],
  ])('M26 %s, keep nobody out', async (_, options, sender, how) => {
    const running = await start({ ...options, limits: patient })
    const [first, ...others] = await idle(running, 64, how)
    const cut = first === undefined ? undefined : ended(first)
    expect((await post(running, { body: batch, ...sender })).status).toBe(200)
    await cut
    expect(others.filter(({ destroyed }) => destroyed)).toEqual([])
  })

  test('M26 nor do heads and bodies that never end', async () => {
    const running = await start({ ...byToken, tls: undefined, limits: { ...patient, connections: 4 } } as object)
    for (const socket of await idle(running, 4)) {
      socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{')
      // Refused: it has no token. What is left of its batch is not waited for.
      socket.resume()
    }
    for (const socket of await idle(running, 4)) socket.write('POST / HTTP/1.1\r\nhost: a\r\n')
    expect((await post(running, { body: batch, headers: bearer })).status).toBe(200)
  })

  test('M26 and whoever has shown himself stays, whatever comes after', async () => {
    const running = await start({ ...byToken, limits: { ...patient, connections: 8 } })
    const agent = new TlsAgent({ keepAlive: true, maxSockets: 1, ca: authority.certificate })
    const used = async (): Promise<unknown> => {
      const isFree = once(agent, 'free')
      expect((await post(running, { body: batch, headers: bearer, agent })).status).toBe(200)
      return ((await isFree) as readonly unknown[])[0]
    }
    const socket = await used()
    // All but the last ones are cut: so each was seen.
    await Promise.all((await idle(running, 40)).slice(0, 30).map(ended))
    expect((await used()) === socket).toBe(true)
    agent.destroy()
  })

  test('M26 and a batch that is under way is taken to its end', async () => {
    let release = (): void => undefined
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    let begun = (): void => undefined
    const isBegun = new Promise<void>(resolve => {
      begun = resolve
    })
    const keep = async () => {
      begun()
      await held
    }
    const running = await start({ keep, limits: { ...patient, connections: 1 } })
    const sent = post(running, { body: batch, agent: new Agent() })
    await isBegun
    await Promise.all((await idle(running, 9)).slice(0, 8).map(ended))
    release()
    expect((await sent).status).toBe(200)
  })
})

// Node itself cuts them after half a minute, or two where TLS is not agreed upon.
describe('a connection on which nothing comes is cut', { timeout: 15_000 }, () => {
  test.each<readonly [string, Partial<ReceiverOptions>, object]>([
    ['before a handshake', byCertificate, {}],
    ['after one', byCertificate, { isTls: true }],
    ['without any', {}, {}],
  ])('%s', async (_, options, how) => {
    const running = await start({ ...options, limits: { idleMs: 50 } })
    const [socket] = await idle(running, 1, how)
    if (socket === undefined) throw new Error('there is none')
    await ended(socket)
    expect(Object.values(running.receiver.counts().refused)).toEqual([1])
  })

  test('also with what is left of a batch that was refused', async () => {
    const running = await start({ sender: { by: 'token', token }, limits: patient })
    const [socket] = await idle(running, 1)
    socket?.resume()
    socket?.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{')
    if (socket !== undefined) await once(socket, 'close')
    expect(running.receiver.counts().refused).toEqual({ 'without the token': 1 })
  })
})
