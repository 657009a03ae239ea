/**
 * Records in Redis (6.2 or later), over node-redis and RESP3.
 *
 * Keys: `<prefix><kind>:{<digest>}` holds one entry (see entry.ts): a record or a tombstone, so that the two can never
 * disagree. The digest is the hash tag: whatever is kept for one record is in one slot of a Redis Cluster.
 * `<prefix>probe` is written by `verifyConnection`.
 *
 * An entry's expiry counts by the injected clock and stands in the entry; Redis' own time to live only collects the
 * garbage. The server must not evict (`maxmemory-policy noeviction`): with a tombstone evicted, a late save could bring
 * an ended session back. How durable `end` is, is the server's `appendonly` setting.
 */
import { createClient, defineScript, RESP_TYPES } from 'redis'
import type { Clock } from '../clock.ts'
import { OperationalError } from '../errors.ts'
import { withDeadline } from './deadline.ts'
import { decodeEntry, encodeEntry, encodeMoment } from './entry.ts'
import { addScript, endScript, extendScript, putScript, takeScript } from './redis-scripts.ts'
import type { RecordKind, RecordStore, StoredRecord } from './session-store.ts'

export interface RedisRecordsOptions {
  /** `redis://` or `rediss://`, with user, password and database number as far as needed. */
  readonly url: string
  /** Put before every key; default `sallyport:`. */
  readonly prefix?: string
  /** How long one command may take, in milliseconds; default 1000. */
  readonly commandTimeoutMs?: number
  readonly clock: Clock
  /** Told when the connection becomes ready and when it is lost; the cause names no secret. */
  readonly onStateChange?: (state: RedisState) => void
}

export type RedisState = { readonly isReady: true } | { readonly isReady: false; readonly cause: Error }

/** Commands that wait for Redis at one time; more than a stalled second of a busy replica, and still few megabytes. */
const queueLimit = 10_000
/** A connection over which nothing came for so long is dead, even if nobody has closed it. */
const silenceMs = 5000
const pingIntervalMs = 2000
const longestBackoffMs = 2000
const readOnlyReconnectMs = 5000

type Client = ReturnType<typeof connectTo>

/**
 * Returns at once and connects in the background, for ever; until then every method rejects with
 * `ERR_STORE_UNAVAILABLE`. Throws for a URL that cannot be read.
 */
export function createRedisRecords(options: RedisRecordsOptions): RecordStore {
  const { clock, prefix = 'sallyport:', commandTimeoutMs = 1000 } = options
  const describe = createRedactor(options.url)
  const client = connectTo(options.url, commandTimeoutMs)
  watchState(client, describe, options.onStateChange)
  const run = createRunner(client, describe, commandTimeoutMs)
  const keyOf = (kind: RecordKind, key: string) => `${prefix}${kind}:{${key}}`
  const now = () => encodeMoment(clock.now())
  const ttl = (expiresAt: number) => String(Math.max(1, Math.ceil(expiresAt - clock.now())))

  return {
    name: 'redis',
    async put(kind, key, value, expiresAt) {
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      return (await run('put', () => client.putRecord(keyOf(kind, key), now(), entry, ttl(expiresAt)))) === 1
    },
    async add(kind, key, value, expiresAt) {
      const entry = encodeEntry({ kind: 'record', expiresAt, value })
      return (await run('add', () => client.addRecord(keyOf(kind, key), now(), entry, ttl(expiresAt)))) === 1
    },
    async get(kind, key) {
      // Threat: stale replicas, as described in redis-scripts.ts.
      const stored = await run('get', () => client.sendCommand<Buffer | null>(['GETEX', keyOf(kind, key)]))
      return stored === null ? undefined : liveRecord(stored, clock.now())
    },
    async extend(kind, key, expiresAt) {
      const moment = encodeMoment(expiresAt)
      return (await run('extend', () => client.extendRecord(keyOf(kind, key), now(), moment, ttl(expiresAt)))) === 1
    },
    async take(kind, key) {
      return (await run('take', () => client.takeRecord(keyOf(kind, key), now()))) ?? undefined
    },
    async end(kind, key, tombstoneUntil) {
      const entry = encodeEntry({ kind: 'tombstone', expiresAt: tombstoneUntil, value: Buffer.alloc(0) })
      await run('end', () => client.endRecord(keyOf(kind, key), now(), entry, ttl(tombstoneUntil)))
    },
    async verifyConnection() {
      await run('probe', () => client.set(`${prefix}probe`, now(), { expiration: { type: 'PX', value: 60_000 } }))
    },
    async close() {
      await withDeadline(client.close(), commandTimeoutMs, 'redis: pending commands dropped').catch(() => {
        if (client.isOpen) client.destroy()
      })
    },
  }
}

function liveRecord(stored: Buffer, now: number): StoredRecord | undefined {
  const entry = decodeEntry(stored)
  if (entry?.kind !== 'record' || entry.expiresAt <= now) return undefined
  return { value: entry.value, expiresAt: entry.expiresAt }
}

function connectTo(url: string, commandTimeoutMs: number) {
  return createClient({
    url,
    RESP: 3,
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
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    scripts: {
      putRecord: conditional(putScript),
      addRecord: conditional(addScript),
      extendRecord: conditional(extendScript),
      takeRecord: script<Buffer | null>(takeScript),
      endRecord: conditional(endScript),
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

/** Runs commands within their time and turns every failure into `ERR_STORE_UNAVAILABLE`. */
function createRunner(client: Client, describe: (cause: unknown) => Error, timeoutMs: number) {
  const reconnect = createReadOnlyReconnect(client)
  // Commands that were given up but not answered. Redis answers in order, so whatever is sent behind one of them waits
  // for it: refusing at once keeps a stalled server from holding every request for the whole timeout.
  let overdue = 0

  async function send<T>(operation: string, command: () => Promise<T>): Promise<T> {
    if (overdue > 0) throw new Error('no answer to an earlier command yet')
    let isSettled = false
    let isGivenUp = false
    const reply = command().finally(() => {
      isSettled = true
      if (isGivenUp) overdue -= 1
    })
    try {
      return await withDeadline(reply, timeoutMs, `redis ${operation}: no answer within ${timeoutMs} ms`)
    } finally {
      if (!isSettled) {
        isGivenUp = true
        overdue += 1
      }
    }
  }

  return async function run<T>(operation: string, command: () => Promise<T>): Promise<T> {
    try {
      return await send(operation, command)
    } catch (error) {
      if (error instanceof OperationalError) throw error
      const cause = describe(error)
      if (cause.message.includes('READONLY')) reconnect()
      throw new OperationalError('ERR_STORE_UNAVAILABLE', `redis ${operation}: ${cause.message}`, { cause })
    }
  }
}

/**
 * After a failover the name in the URL points at another server, while our connection still leads to the old one, which
 * is a replica now. Asking it to hang up makes the client resolve the name again; at most every five seconds.
 */
function createReadOnlyReconnect(client: Client) {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    if (performance.now() - last < readOnlyReconnectMs) return
    last = performance.now()
    client.sendCommand(['QUIT']).catch(() => undefined)
  }
}

function watchState(client: Client, describe: (cause: unknown) => Error, onStateChange?: (state: RedisState) => void) {
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
function createRedactor(url: string): (cause: unknown) => Error {
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
