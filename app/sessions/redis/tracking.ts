/**
 * What Redis tells of changed sessions (client-side caching, RESP3, broadcast mode), and whether it can be relied on.
 *
 * The messages come over the connection that reads go over. So there is no way for the two to speak with different
 * servers after a failover; and because one connection keeps its order, the answer to a heartbeat proves that every
 * change which was made before the heartbeat was sent has been told. That proof is a lease of 250 ms: while it lasts,
 * what is remembered is at most that old; when it has run out, for whatever reason, every read goes through.
 */

import type { ChangedRecord, ChangeListener, RecordKind } from '../record-store.ts'
import type { RunCommand } from './commands.ts'
import type { Client } from './connection.ts'

export interface TrackingOptions {
  /** The kinds of which changes are told, and what their keys begin with, up to the digest and its brace. */
  readonly keyPrefixes: ReadonlyMap<RecordKind, string>
  readonly probeKey: () => string
  readonly run: RunCommand
}

/** What one server tells. */
export interface LinkTracking {
  /** Whether every change that was made there more than a moment ago has been told. `now`: `performance.now()`. */
  isCurrent(now: number): boolean
  /** Whether changes from now on will be told. */
  isOn(): boolean
  subscribe(listener: ChangeListener): void
  close(): void
}

/** How long an answered heartbeat vouches for what is remembered, from when it was sent. */
const leaseMs = 250
/** Between two heartbeats, while what is remembered is in use. */
const heartbeatMs = 80
/** Between two attempts to be told, over a connection that stands. */
const retryMs = 5000

export function createTracking(client: Client, options: TrackingOptions): LinkTracking {
  const { keyPrefixes, probeKey, run } = options
  const prefixArguments = [...keyPrefixes.values()].flatMap(prefix => ['PREFIX', prefix])
  let onChange: ChangeListener = () => undefined
  let isOn = false
  let isUsed = false
  let isBeating = false
  let leaseUntil = 0
  let retryAt = 0
  // A connection that was lost takes the answers that belonged to it along.
  let connection = 0

  const turnOff = () => {
    connection += 1
    isOn = false
    leaseUntil = 0
    onChange(undefined)
  }
  const turnOn = async () => {
    turnOff()
    retryAt = performance.now() + retryMs
    const current = connection
    try {
      // The library has switched to the mode that tells of single reads; Redis changes modes only when it is off.
      const off = client.sendCommand(['CLIENT', 'TRACKING', 'OFF'])
      const on = client.sendCommand(['CLIENT', 'TRACKING', 'ON', 'BCAST', ...prefixArguments])
      await Promise.all([off, on])
      if (current !== connection) return
      isOn = true
      // Threat: an end that came after a read over this connection and before it tells of anything.
      onChange(undefined)
      beat()
    } catch {
      // Reads go through until it is tried again. A server that refuses tracking has refused the connection already.
    }
  }
  const beat = () => {
    if (isBeating || !isOn) return
    isBeating = true
    isUsed = false
    const [sentAt, current] = [performance.now(), connection]
    // Threat: a master that has become a replica of nobody it hears from still answers PING. GETEX it refuses.
    run('heartbeat', () => client.sendCommand(['GETEX', probeKey()]))
      .then(() => {
        if (current === connection) leaseUntil = sentAt + leaseMs
      })
      .catch(() => undefined)
      .finally(() => {
        isBeating = false
      })
  }

  const timer = setInterval(() => {
    if (isOn && isUsed) beat()
    // After an error that has not cost the connection.
    if (!isOn && client.isReady && performance.now() > retryAt) void turnOn()
  }, heartbeatMs)
  timer.unref()
  client.on('ready', turnOn)
  for (const event of ['error', 'end', 'reconnecting']) client.on(event, turnOff)
  client.on('invalidate', (key: Buffer | string | null) => {
    // After a FLUSHALL there is no key to name.
    onChange(key === null ? undefined : recordIn(String(key), keyPrefixes))
  })

  return {
    isCurrent(now) {
      isUsed = true
      if (now < leaseUntil) return true
      beat()
      return false
    },
    isOn: () => isOn,
    subscribe(listener) {
      onChange = listener
    },
    close: () => clearInterval(timer),
  }
}

/** `undefined`, which stands for everything, when the name is none of ours. */
function recordIn(name: string, keyPrefixes: ReadonlyMap<RecordKind, string>): ChangedRecord | undefined {
  if (!name.endsWith('}')) return undefined
  for (const [kind, prefix] of keyPrefixes) {
    if (name.startsWith(prefix)) return { kind, key: name.slice(prefix.length, -1) }
  }
  return undefined
}
