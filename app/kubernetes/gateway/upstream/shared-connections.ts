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
  /** How often the server is asked whether it is there. Default 15 000. */
  readonly probeEveryMs?: number
}

/** A place on a connection; `leave` has to follow once. */
export interface Place {
  readonly session: ClientHttp2Session
  leave(): void
}

export interface SharedConnections {
  /**
   * At once where there is room. `undefined`: the server speaks HTTP/1.1 alone. Throws when all has ended, and rejects when it
   * cannot be reached.
   */
  enter(): Place | undefined | Promise<Place | undefined>
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
/** Of a call: as much as an API server takes (Go's default), for people in hundreds of groups. */
const mostHeaderBytes = 1024 * 1024
/** Questions in a row that the server has not answered when it counts as gone. */
const mostUnanswered = 2

interface Shared {
  readonly session: ClientHttp2Session
  open: number
  idle: NodeJS.Timeout | undefined
}

export function createSharedConnections(options: SharedConnectionsOptions): SharedConnections {
  const { idleMs = 60_000, probeEveryMs = 15_000 } = options
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
    const shared: Shared = { session, open: 0, idle: undefined }
    const stopProbing = probe(session, probeEveryMs)
    session.once('close', () => {
      stopProbing()
      clearTimeout(shared.idle)
      connections.delete(shared)
    })
    if (!isDestroyed && hasRoom(shared)) connections.add(shared)
    else {
      // Threat: a server that takes no calls, and connections to it without end.
      session.destroy()
      throw closed()
    }
  }

  function take(shared: Shared): Place {
    const { session } = shared
    shared.open += 1
    return {
      session,
      leave() {
        shared.open -= 1
        if (shared.open === 0) idleFromNow(shared)
      },
    }
  }

  /** One timer for a connection: calls that come one at a time would make one each. */
  function idleFromNow(shared: Shared): void {
    if (shared.idle !== undefined) shared.idle.refresh()
    else shared.idle = setTimeout(() => shared.open === 0 && shared.session.close(), idleMs).unref()
  }

  function placeNow(): Place | undefined {
    if (isDestroyed) throw closed()
    for (const shared of connections) if (hasRoom(shared)) return take(shared)
    return undefined
  }

  async function placeLater(): Promise<Place | undefined> {
    while (!speaksHttp1) {
      connecting ??= connect().finally(() => {
        connecting = undefined
      })
      await connecting
      const place = placeNow()
      if (place !== undefined) return place
    }
    return undefined
  }

  return {
    enter: () => (speaksHttp1 ? undefined : (placeNow() ?? placeLater())),
    destroy() {
      isDestroyed = true
      for (const { session } of connections) session.destroy()
    },
  }
}

/**
 * One that the server wants no new calls on counts as closed, while what is on it goes on. It may take fewer by now; Node lets what
 * is too much wait, without a word.
 */
function hasRoom({ session, open }: Shared): boolean {
  if (session.closed) return false
  return open < Math.min(mostStreams, session.remoteSettings.maxConcurrentStreams ?? mostStreams)
}

/**
 * Threat: a server that has gone without a word, and watches that say nothing, new ones as well. A connection on which bytes
 * wait to be confirmed is probed by no kernel for a quarter of an hour.
 */
function probe(session: ClientHttp2Session, everyMs: number): () => void {
  let unanswered = 0
  const timer = setInterval(() => {
    if (session.destroyed) return
    if (unanswered === mostUnanswered) {
      session.destroy()
      return
    }
    unanswered += 1
    session.ping(() => {
      unanswered = 0
    })
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
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
  socket.setNoDelay(true)
  const session = connectHttp2(`https://${host.includes(':') ? `[${host}]` : host}:${port}`, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    // In MB: what may wait on all its streams has to fit, or new ones are refused.
    maxSessionMemory: 32,
    maxSendHeaderBlockLength: mostHeaderBytes,
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
