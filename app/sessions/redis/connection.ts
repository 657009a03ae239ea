/** A connection to Redis: how it is made and watched. */
import { ClientOfflineError, createClient, defineScript, RESP_TYPES } from 'redis'
import type { RedisAccess, RedisAddress, RedisTls } from './address.ts'
import {
  addScript,
  endScript,
  extendScript,
  linkScript,
  linkWithinScript,
  pageScript,
  putScript,
  removeScript,
  replaceScript,
  takeScript,
  unlinkScript,
} from './scripts.ts'
import { unreachable } from './unreachable.ts'

export type RedisState = { readonly isReady: true } | { readonly isReady: false; readonly cause: Error }

/** Commands that wait for Redis at one time; more than a stalled second of a busy replica, and still few megabytes. */
const queueLimit = 10_000
/** A connection over which nothing came for so long is dead, even if nobody has closed it. */
const silenceMs = 5000
const pingIntervalMs = 2000
const longestBackoffMs = 2000
const readOnlyReconnectMs = 5000
const longestSentinelBackoffMs = 1000

export interface ConnectionOptions {
  readonly commandTimeoutMs: number
  /** Whether the server is asked for messages about keys that change (event `invalidate`). */
  readonly isTold: boolean
}

function script<Reply>(source: string) {
  return defineScript({
    SCRIPT: source,
    NUMBER_OF_KEYS: 1,
    parseCommand(parser, key: string, ...args: (string | Buffer)[]) {
      parser.pushKey(key)
      parser.push(...args)
    },
    transformReply: (reply: Reply) => reply,
  })
}

const conditional = (source: string) => script<number>(source)

const scripts = {
  putRecord: conditional(putScript),
  addRecord: conditional(addScript),
  extendRecord: conditional(extendScript),
  takeRecord: script<Buffer | null>(takeScript),
  endRecord: conditional(endScript),
  replaceRecord: conditional(replaceScript),
  removeRecord: conditional(removeScript),
  linkMember: conditional(linkScript),
  linkMemberWithin: script<Buffer[]>(linkWithinScript),
  unlinkMember: conditional(unlinkScript),
  pageMembers: script<Buffer[]>(pageScript),
}

/** For a server that is to know them before it is asked. */
export const scriptSources: readonly string[] = Object.values(scripts).map(({ SCRIPT }) => SCRIPT)

export type Client = ReturnType<typeof connectTo>

export function connectTo({ url, tls }: RedisAccess, { commandTimeoutMs, isTold }: ConnectionOptions) {
  return createClient({
    url,
    RESP: 3,
    emitInvalidate: isTold,
    // A command that cannot be sent now fails now; a check that waits is a page that hangs.
    disableOfflineQueue: true,
    commandsQueueMaxLength: queueLimit,
    pingInterval: pingIntervalMs,
    maintNotifications: 'disabled',
    disableClientInfo: true,
    socket: {
      connectTimeout: Math.max(commandTimeoutMs, 1000),
      socketTimeout: silenceMs,
      ...(tls === undefined ? {} : tlsOptions(tls)),
      reconnectStrategy: retries => Math.min(longestBackoffMs, 50 * 2 ** Math.min(retries, 10)) + Math.random() * 100,
    },
    // The library would make a timer and an abort signal for each command; commands.ts bounds their time.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    scripts,
  })
}

export interface SentinelConnectionOptions {
  readonly password?: string
  readonly tls?: RedisTls
  readonly answerTimeoutMs: number
}

/** Of RESP2: the answers are lists, whatever the version. */
export function connectToSentinel(
  address: RedisAddress,
  { password, tls, answerTimeoutMs }: SentinelConnectionOptions,
) {
  return createClient({
    RESP: 2,
    ...(password === undefined ? {} : { password }),
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    disableClientInfo: true,
    commandsQueueMaxLength: 100,
    pingInterval: pingIntervalMs,
    commandOptions: { timeout: 0 },
    socket: {
      host: address.host,
      port: address.port,
      ...(tls === undefined ? {} : tlsOptions(tls)),
      connectTimeout: answerTimeoutMs * 2,
      socketTimeout: silenceMs,
      reconnectStrategy: retries => Math.min(longestSentinelBackoffMs, 50 * 2 ** Math.min(retries, 10)),
    },
  })
}

/** The certificate is checked in any case: there is no setting that turns it off. */
export function tlsOptions({ ca, certificate, key, serverName }: RedisTls) {
  return {
    tls: true as const,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

/**
 * After a failover the name in the URL points at another server, while our connection still leads to the old one, which
 * is a replica now. Asking it to hang up makes the client resolve the name again; at most every five seconds.
 */
export function createReadOnlyReconnect(client: Client) {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    if (performance.now() - last < readOnlyReconnectMs) return
    last = performance.now()
    client.sendCommand(['QUIT']).catch(() => undefined)
  }
}

/** Tells of changes only: not of each attempt to reconnect. */
export function createStateReport(onStateChange?: (state: RedisState) => void) {
  let reported: string | undefined
  return (state: RedisState) => {
    const summary = state.isReady ? 'ready' : state.cause.message
    if (summary === reported) return
    reported = summary
    onStateChange?.(state)
  }
}

export interface WatchedConnection {
  /** `host:port` */
  readonly address: string
  readonly isTls: boolean
  /** Makes errors fit for a log. */
  readonly describe: (cause: unknown) => Error
  readonly onStateChange?: (state: RedisState) => void
}

/** Connects. `describe` of the answer says of a command that found no connection why there is none. */
export function watchState(client: Client, { address, isTls, describe, onStateChange }: WatchedConnection) {
  const report = createStateReport(onStateChange)
  let last: Error | undefined
  client.on('ready', () => report({ isReady: true }))
  client.on('error', error => {
    if (client.isReady) return
    last = unreachable(describe(error), { address, isTls })
    report({ isReady: false, cause: last })
  })
  // Rejects only when the store is closed before Redis was ever there.
  client.connect().catch(() => undefined)
  return {
    describe(cause: unknown): Error {
      if (!(cause instanceof ClientOfflineError)) return describe(cause)
      return last ?? unreachable(new Error('not connected yet'), { address, isTls })
    },
  }
}
