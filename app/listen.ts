/** Start and end of a listener: a port that is taken is an error at once; a drain ends in a bounded time. */
import type { Server } from 'node:http'
import { OperationalError } from './errors.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      const reason = cause.code === 'EADDRINUSE' ? 'something else listens there' : (cause.code ?? cause.message)
      reject(new OperationalError('ERR_LISTEN_FAILED', `cannot listen on ${host}:${port}: ${reason}`, { cause }))
    }
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

/** How often a draining server looks for connections that have become idle: keep-alive would hold them for minutes. */
const IDLE_CHECK_MS = 50

/** The part of the promised time that running requests get; the rest is for letting go of stores and sinks. */
const REQUEST_SHARE = 0.8

/** Takes no new connections, ends idle ones, and in time also those that are still busy. */
export function drain(server: Server, timeoutSeconds: number): Promise<void> {
  return new Promise(resolve => {
    if (!server.listening) return resolve()
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
    const busy = setTimeout(() => server.closeAllConnections(), timeoutSeconds * 1000 * REQUEST_SHARE)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(busy)
      resolve()
    })
  })
}

export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
