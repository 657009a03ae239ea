/** The connection to Redis: how it is made, watched, and spoken of without naming a secret. */
import { createClient, defineScript, RESP_TYPES } from 'redis'
import {
  addScript,
  endScript,
  extendScript,
  linkScript,
  pageScript,
  putScript,
  removeScript,
  replaceScript,
  takeScript,
  unlinkScript,
} from './redis-scripts.ts'

export type RedisState = { readonly isReady: true } | { readonly isReady: false; readonly cause: Error }

/** Commands that wait for Redis at one time; more than a stalled second of a busy replica, and still few megabytes. */
const queueLimit = 10_000
/** A connection over which nothing came for so long is dead, even if nobody has closed it. */
const silenceMs = 5000
const pingIntervalMs = 2000
const longestBackoffMs = 2000
const readOnlyReconnectMs = 5000

export interface ConnectionOptions {
  readonly commandTimeoutMs: number
  /** Whether the server is asked for messages about keys that change (event `invalidate`). */
  readonly isTold: boolean
}

export type Client = ReturnType<typeof connectTo>

export function connectTo(url: string, { commandTimeoutMs, isTold }: ConnectionOptions) {
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
      reconnectStrategy: retries => Math.min(longestBackoffMs, 50 * 2 ** Math.min(retries, 10)) + Math.random() * 100,
    },
    // The library would make a timer and an abort signal for each command; redis-commands.ts bounds their time.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    scripts: {
      putRecord: conditional(putScript),
      addRecord: conditional(addScript),
      extendRecord: conditional(extendScript),
      takeRecord: script<Buffer | null>(takeScript),
      endRecord: conditional(endScript),
      replaceRecord: conditional(replaceScript),
      removeRecord: conditional(removeScript),
      linkMember: conditional(linkScript),
      unlinkMember: conditional(unlinkScript),
      pageMembers: script<Buffer[]>(pageScript),
    },
  })
}

const conditional = (source: string) => script<number>(source)

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

export function watchState(
  client: Client,
  describe: (cause: unknown) => Error,
  onStateChange?: (state: RedisState) => void,
) {
  let reported: string | undefined
  const report = (state: RedisState) => {
    // One report per change, not one per attempt to reconnect.
    const summary = state.isReady ? 'ready' : state.cause.message
    if (summary === reported) return
    reported = summary
    onStateChange?.(state)
  }
  client.on('ready', () => report({ isReady: true }))
  client.on('error', error => {
    if (!client.isReady) report({ isReady: false, cause: describe(error) })
  })
  // Rejects only when the store is closed before Redis was ever there.
  client.connect().catch(() => undefined)
}

/**
 * Errors as they may be logged. Threat: a server without HELLO quotes its arguments, and so the password, in its reply,
 * and a URL that does not parse is quoted by the error about it.
 */
export function createRedactor(url: string): (cause: unknown) => Error {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['redis:', 'rediss:'].includes(parsed.protocol)) {
    throw new Error('the Redis URL cannot be read: it must begin with redis:// or rediss://')
  }
  if (!/^\/?\d*$/.test(parsed.pathname)) throw new Error('the Redis URL cannot be read: its path is no database number')
  const secrets = [decodePassword(parsed.password), parsed.password].filter(Boolean)
  return cause => {
    const error: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause))
    // A refused connection to a name with several addresses is an AggregateError: a code without a message.
    const text = error.message || error.code || error.name
    const redacted = new Error(secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text))
    redacted.name = error.name
    return redacted
  }
}

function decodePassword(password: string): string {
  try {
    return decodeURIComponent(password)
  } catch {
    throw new Error('the Redis URL cannot be read: its password is not percent-encoded')
  }
}
