/**
 * HTTP/2 connections to one API server, each for many calls: a watch on which nothing happens then takes a stream, and no TLS
 * connection of its own.
 */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect as connectTls, type TLSSocket } from 'node:tls'

export interface SharedConnectionsOptions {
  readonly host: string
  readonly port: number
  /** PEM, as for `tls.connect`. */
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly servername?: string
  }
  /** TCP, TLS and the first word of the server together. */
  readonly connectTimeoutMs: number
  /** Default 60 000. */
  readonly idleMs?: number
}

/** A place on a connection; `leave` has to follow once. */
export interface Place {
  readonly session: ClientHttp2Session
  leave(): void
}

export interface SharedConnections {
  /** `undefined`: the server speaks HTTP/1.1 alone. Rejects when it cannot be reached. */
  enter(): Promise<Place | undefined>
  /** Ends every connection at once. */
  destroy(): void
}

/** Beyond it another connection is opened: one that breaks takes no more than these along. */
const mostStreams = 100
/**
 * Of a stream: what a client that does not read makes us keep. Node opens the window of the whole connection by itself, so that
 * such a client holds up no other.
 */
const streamWindowBytes = 65_535
/** Finds a server that is gone where nothing is sent for hours. */
const probeAfterMs = 30_000

interface Shared {
  readonly session: ClientHttp2Session
  readonly most: number
  open: number
  idle: NodeJS.Timeout | undefined
}

export function createSharedConnections(options: SharedConnectionsOptions): SharedConnections {
  const { idleMs = 60_000 } = options
  const connections = new Set<Shared>()
  let connecting: Promise<void> | undefined
  let speaksHttp1 = false
  let isDestroyed = false

  async function connect(): Promise<void> {
    const session = await openSession(options)
    if (session === undefined) {
      speaksHttp1 = true
      return
    }
    const most = Math.min(mostStreams, session.remoteSettings.maxConcurrentStreams ?? mostStreams)
    const shared: Shared = { session, most, open: 0, idle: undefined }
    session.once('close', () => {
      clearTimeout(shared.idle)
      connections.delete(shared)
    })
    if (!isDestroyed && !session.closed) connections.add(shared)
    else {
      session.destroy()
      throw closed()
    }
  }

  function take(shared: Shared): Place {
    const { session } = shared
    clearTimeout(shared.idle)
    shared.open += 1
    return {
      session,
      leave() {
        shared.open -= 1
        if (shared.open === 0) shared.idle = setTimeout(() => session.close(), idleMs).unref()
      },
    }
  }

  return {
    async enter() {
      while (!speaksHttp1) {
        if (isDestroyed) throw closed()
        // One that the server wants no new calls on counts as closed, while what is on it goes on.
        for (const shared of connections) if (shared.open < shared.most && !shared.session.closed) return take(shared)
        connecting ??= connect().finally(() => {
          connecting = undefined
        })
        await connecting
      }
      return undefined
    },
    destroy() {
      isDestroyed = true
      for (const { session } of connections) session.destroy()
    },
  }
}

/** Resolves when the server has said how many streams it takes: what is sent before that could wait for ever. */
async function openSession(options: SharedConnectionsOptions): Promise<ClientHttp2Session | undefined> {
  const { host, port, connectTimeoutMs } = options
  const socket = connectTls({
    ...options.tls,
    host,
    port,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    // Threat: `NODE_TLS_REJECT_UNAUTHORIZED=0` in the environment turns the default off.
    rejectUnauthorized: true,
  })
  const late = setTimeout(() => socket.destroy(noConnection()), connectTimeoutMs)
  try {
    await until(socket, 'secureConnect')
    if (socket.alpnProtocol === 'h2') return await begin(socket, options)
    socket.destroy()
    return undefined
  } finally {
    clearTimeout(late)
  }
}

const noConnection = (): Error => Object.assign(new Error('no TLS connection in time'), { code: 'ETIMEDOUT' })

const closed = (): Error => Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })

async function begin(socket: TLSSocket, { host, port }: SharedConnectionsOptions): Promise<ClientHttp2Session> {
  socket.setKeepAlive(true, probeAfterMs)
  socket.setNoDelay(true)
  const session = connectHttp2(`https://${host.includes(':') ? `[${host}]` : host}:${port}`, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    // In MB: what may wait on all its streams has to fit, or new ones are refused.
    maxSessionMemory: 32,
  })
  // A connection that breaks is told to each of its calls.
  session.on('error', () => undefined)
  await until(session, 'remoteSettings')
  return session
}

/** Rejects when it ends before that. */
function until(emitter: TLSSocket | ClientHttp2Session, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const emitting: NodeJS.EventEmitter = emitter
    emitting.once(event, () => resolve())
    emitting.on('error', reject)
    emitting.once('close', () => {
      reject(closed())
    })
  })
}
