/** A way to a server that can be closed and opened again, as a replica that stops and comes back: nobody answers in between. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Relay {
  readonly port: number
  readonly open: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Open from the start. */
export async function startRelay(targetPort: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let port = 0
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const open = async (): Promise<void> => {
    if (server !== undefined) return
    server = createServer(incoming => {
      const onward = keep(connect(targetPort, '127.0.0.1'))
      keep(incoming).pipe(onward).pipe(incoming)
      incoming.on('close', () => onward.destroy())
      onward.on('close', () => incoming.destroy())
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the relay has no port')
    port = address.port
  }
  const close = async (): Promise<void> => {
    const closing = server
    server = undefined
    if (closing === undefined) return
    const closed = once(closing, 'close')
    closing.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await open()
  return {
    get port() {
      return port
    },
    open,
    close,
  }
}
