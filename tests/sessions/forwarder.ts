/** A TCP forwarder that stands for a name in the network. */
import { connect, createServer, type Socket } from 'node:net'

/** A name whose address changes: connections that stand keep their server, new ones get the present one. */
export async function startForwarder(first: number) {
  let target = first
  const sockets = new Set<Socket>()
  const pairs = new Set<readonly [Socket, Socket]>()
  const server = createServer(incoming => {
    const outgoing = connect(target, '127.0.0.1')
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    incoming.pipe(outgoing).pipe(incoming)
    pairs.add([incoming, outgoing])
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    leadTo(port: number) {
      target = port
    },
    /** Questions arrive, answers and messages wait, until `release`. */
    hold() {
      for (const [incoming, outgoing] of pairs) outgoing.unpipe(incoming)
    },
    release() {
      for (const [incoming, outgoing] of pairs) outgoing.pipe(incoming)
    },
    /** Bytes of answers and messages that wait. */
    heldBytes: () => [...pairs].reduce((sum, [, outgoing]) => sum + outgoing.readableLength, 0),
    /** Connections that stand deliver nothing any more, as behind a firewall that has forgotten them. */
    silence() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
