/** Connections to one API server: kept while idle, opened in a bounded time, always verified. */
import type { ClientRequest } from 'node:http'
import { Agent, type AgentOptions } from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Shorter than the 90 s after which an API server ends an idle connection: who is first does not lose a request. */
const idleMs = 60_000
/** Finds a peer that is gone where nothing is sent for hours. */
const probeAfterMs = 30_000

export interface KeptAgentOptions {
  readonly tls: Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'servername'>
  readonly connectTimeoutMs: number
  /** Whether a connection is used again after an answer. */
  readonly keepAlive: boolean
}

export class KeptAgent extends Agent {
  readonly #connectTimeoutMs: number

  constructor({ tls, connectTimeoutMs, keepAlive }: KeptAgentOptions) {
    super({
      ...tls,
      keepAlive,
      keepAliveMsecs: probeAfterMs,
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // Threat: `NODE_TLS_REJECT_UNAUTHORIZED=0` in the environment turns the default off.
      rejectUnauthorized: true,
    })
    this.#connectTimeoutMs = connectTimeoutMs
  }

  override createConnection(...args: Parameters<Agent['createConnection']>): Duplex | null | undefined {
    const socket = super.createConnection(...args) as Socket
    const late = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no TLS connection in time'), { code: 'ETIMEDOUT' }))
    }, this.#connectTimeoutMs)
    const settled = (): void => clearTimeout(late)
    socket.once('secureConnect', settled)
    socket.once('close', settled)
    socket.setKeepAlive(true, probeAfterMs)
    return socket
  }

  /** All its connections are to one server with one credential: the default puts every PEM into a new text, for each call. */
  override getName(): string {
    return 'cluster'
  }

  override keepSocketAlive(socket: Duplex): boolean {
    const isKept = super.keepSocketAlive(socket) as unknown as boolean
    if (isKept && socket instanceof Socket) socket.setTimeout(idleMs)
    return isKept
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    super.reuseSocket(socket, request)
    if (socket instanceof Socket) socket.setTimeout(0)
  }
}
