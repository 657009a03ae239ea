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

/** Takes no new connections, ends idle ones, and after `timeoutSeconds` those that are still busy. */
export function drain(server: Server, timeoutSeconds: number): Promise<void> {
  return new Promise(resolve => {
    if (!server.listening) return resolve()
    // A second less than was promised: what is closed after this has to be closed in time, too.
    const timer = setTimeout(() => server.closeAllConnections(), Math.max(0, timeoutSeconds - 1) * 1000)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}

export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
