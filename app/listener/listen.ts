/** Start and end of a listener: a port that is taken is an error at once; a drain ends in a bounded time. */
import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { OperationalError } from '../errors.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** On a port, or on a socket in its folder ({@link SocketFile}). */
export function listen(server: Server, at: ListenAddress | { readonly staged: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const where = 'staged' in at ? `unix:${at.staged}` : `${at.host}:${at.port}`
    const fail = (cause: NodeJS.ErrnoException): void => {
      const reason = cause.code === 'EADDRINUSE' ? 'something else listens there' : (cause.code ?? cause.message)
      reject(new OperationalError('ERR_LISTEN_FAILED', `cannot listen on ${where}: ${reason}`, { cause }))
    }
    server.once('error', fail)
    server.listen('staged' in at ? { path: at.staged } : at, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

/** How often a draining server looks for connections that have become idle: keep-alive would hold them for minutes. */
const IDLE_CHECK_MS = 50

/** The part of the promised time that running requests get; the rest is for letting go of stores and sinks. */
const REQUEST_SHARE = 0.8

/**
 * Takes no new connections, ends idle ones, and in time also those that are still busy. `ended`: what `stopAccepting`
 * gave for this server, if that came before.
 */
export async function drain(server: Server, timeoutSeconds: number, ended?: Promise<void>): Promise<void> {
  if (ended === undefined && !server.listening) return
  const gone = ended ?? new Promise<void>(resolve => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  const busy = setTimeout(() => server.closeAllConnections(), timeoutSeconds * 1000 * REQUEST_SHARE)
  await gone
  clearInterval(idle)
  clearTimeout(busy)
}

/**
 * Takes no new connections and lets go of none: a proxy may be sending a request on an idle one in this moment, and one
 * that is no GET would not be sent again. `isAlone` ends when the last connection has ended: after its next answer,
 * which says so, or when it has been idle for as long as any connection may. `http.Server.close` would end idle ones
 * at once, so this is the close of the socket underneath.
 */
export function stopAccepting(server: Server): { readonly isAlone: Promise<void> } {
  return { isAlone: new Promise(resolve => NetServer.prototype.close.call(server, () => resolve())) }
}

export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
