/**
 * Who is at the other end of a connection: an address, or whoever may open the file of a Unix socket.
 *
 * Threat: a connection that has just ended has no address any more. If that were taken for a Unix socket, somebody from the
 * network would be believed. So what came by a socket file is known from its beginning, and nothing else is.
 */
import type { Server, Socket } from 'node:net'

/**
 * Stands for the address of whoever came by a Unix socket.
 *
 * Threat: a client that writes this into X-Forwarded-For, and is taken for a proxy there. No header holds a NUL.
 */
export const socketPeer = '\0socket'

const ofSocketFiles = new WeakSet<object>()

/** Of a server on a Unix socket each connection is marked; on a port, none. */
export function markSocketPeers(server: Server): void {
  server.on('connection', (connection: Socket) => {
    if (typeof server.address() === 'string') ofSocketFiles.add(connection)
  })
}

/** `''` where it is not known any more, which nobody trusts. */
export const peerOf = (socket: Pick<Socket, 'remoteAddress'>): string =>
  socket.remoteAddress ?? (ofSocketFiles.has(socket) ? socketPeer : '')
