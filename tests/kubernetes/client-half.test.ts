/** What a client sends on an upgraded connection never overtakes what has come from the other side. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { passClientHalf } from '../../app/kubernetes/gateway/carrying/client-half.ts'

const open: { destroy(): void }[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

/** Both ends of a connection over TCP. */
async function connection(): Promise<{ readonly far: Socket; readonly near: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const far = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [near] = (await once(server, 'connection')) as [Socket]
  server.close()
  open.push(far, near)
  return { far, near }
}

async function between(mayPass: () => boolean = () => true) {
  const client = await connection()
  const upstream = await connection()
  let bytes = 0
  const onReceived = (count: number) => {
    bytes += count
  }
  const stop = passClientHalf({ client: client.near, upstream: upstream.near, onReceived, mayPass })
  return { client: client.far, server: upstream.far, upstream: upstream.near, stop, bytes: () => bytes }
}

const textOf = async (socket: Socket): Promise<string> => {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

test('what has come from the other side is read before anything is sent to it', async () => {
  for (let time = 0; time < 20; time += 1) {
    const { client, server, upstream } = await between()
    const order: string[] = []
    upstream.on('data', () => order.push('read'))
    const { write } = upstream
    upstream.write = (...args: unknown[]) => {
      order.push('sent')
      return Reflect.apply(write, upstream, args)
    }
    const arrived = once(server, 'data')
    client.write('typed')
    server.write('the end of the command')
    await arrived
    expect(order).toEqual(['read', 'sent'])
  }
})

test('a megabyte passes as it was, and its end', async () => {
  const { client, server, bytes } = await between()
  const text = 'abcdefgh'.repeat(131_072)
  client.end(text)
  expect(await textOf(server)).toBe(text)
  expect(bytes()).toBe(text.length)
})

test('nothing passes that may not by the time at which it would', async () => {
  let may = true
  const { client, server, upstream } = await between(() => may)
  upstream.once('data', () => {
    may = false
  })
  client.write('typed')
  server.write('the result')
  client.end()
  expect(await textOf(server)).toBe('')
})

test('nothing passes that came before it was stopped and was not sent yet', async () => {
  const { client, server, upstream, stop } = await between()
  upstream.once('data', () => stop())
  client.write('typed')
  server.write('cut')
  await once(upstream, 'data')
  client.write('typed later')
  upstream.end()
  expect(await textOf(server)).toBe('')
})
