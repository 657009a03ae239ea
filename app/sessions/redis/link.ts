/**
 * A link: the connection to one server, with what bounds the time of its commands, what it tells of changes, and (where
 * writes have to reach replicas) a second connection for those, so that no check waits behind them.
 */

import type { RecordKind } from '../record-store.ts'
import { withDeadline } from '../records/deadline.ts'
import { formatAddress, type RedisAccess, type RedisAddress, urlAt } from './address.ts'
import { createRunner, type RunCommand } from './commands.ts'
import { type Client, connectTo, type RedisState, scriptSources, watchState } from './connection.ts'
import { createTracking, type LinkTracking } from './tracking.ts'

export interface Link {
  /** `host:port` */
  readonly address: string
  /** Rejects with `ERR_STORE_UNAVAILABLE`; its `cause` is what the server has said. */
  run<T>(operation: string, command: (client: Client) => Promise<T>): Promise<T>
  /** As `run`; resolves when `writeReplicas` replicas have confirmed what the command has written. */
  runReplicated<T>(operation: string, command: (client: Client) => Promise<T>): Promise<T>
  /** Resolves when the server takes a write. */
  probe(): Promise<void>
  /** Absent where nothing is remembered. */
  readonly tracking?: LinkTracking
  isReady(): boolean
  close(): Promise<void>
}

export interface LinkOptions {
  readonly access: RedisAccess
  readonly commandTimeoutMs: number
  /** Makes errors fit for a log. */
  readonly describe: (cause: unknown) => Error
  /** How many replicas have to confirm a write that may not be lost; 0: none is asked. */
  readonly writeReplicas: number
  /** Kinds to be told of and what their keys begin with; absent: nothing is remembered. */
  readonly keyPrefixes?: ReadonlyMap<RecordKind, string>
  /** Whether a redirected command may be the first of its kind on this server, so that its script has to be there. */
  readonly loadsScripts: boolean
}

/** What a topology says about one of its links. */
export interface LinkPlace {
  /** Absent: the address in the URL. */
  readonly address?: RedisAddress
  /** A key that this server is responsible for, for heartbeats and the readiness check. */
  readonly probeKey: () => string
  readonly onStateChange: (state: RedisState) => void
}

export type OpenLink = (place: LinkPlace) => Link

const probeLifetimeMs = 60_000

/** Connects in the background, for ever. */
export function openLink(options: LinkOptions, place: LinkPlace): Link {
  const { commandTimeoutMs, describe, keyPrefixes, writeReplicas } = options
  const access = place.address === undefined ? options.access : accessTo(options.access, place.address)
  const address = place.address === undefined ? new URL(access.url).host : formatAddress(place.address)
  const client = connectTo(access, { commandTimeoutMs, isTold: keyPrefixes !== undefined })
  const watched = watchState(client, { describe, address, isTls: isTls(access), onStateChange: place.onStateChange })
  const runOn = createRunner(client, watched.describe, commandTimeoutMs)
  if (options.loadsScripts) client.on('ready', () => void loadScripts(client))
  const run: Link['run'] = (operation, command) => runOn(operation, () => command(client))
  const tracking =
    keyPrefixes === undefined
      ? undefined
      : createTracking(client, { keyPrefixes, probeKey: place.probeKey, run: runOn })
  const replicated = writeReplicas === 0 ? undefined : openReplicated(access, address, options)
  return {
    address,
    run,
    runReplicated: replicated?.run ?? run,
    async probe() {
      const expiration = { type: 'PX', value: probeLifetimeMs } as const
      await run('probe', () => client.set(place.probeKey(), String(Date.now()), { expiration }))
    },
    ...(tracking === undefined ? {} : { tracking }),
    isReady: () => client.isReady,
    async close() {
      tracking?.close()
      await Promise.all([closeClient(client, commandTimeoutMs), replicated?.close()])
    },
  }
}

const isTls = ({ url }: RedisAccess): boolean => url.startsWith('rediss:')

const accessTo = (access: RedisAccess, address: RedisAddress): RedisAccess => ({
  ...access,
  url: urlAt(access.url, address),
})

async function loadScripts(client: Client): Promise<void> {
  await Promise.allSettled(scriptSources.map(source => client.scriptLoad(source)))
}

/**
 * Threat: a master that dies before a replica has heard of an end takes the tombstone along, and the session is back.
 * WAIT speaks of all that was written before the last command of its connection, also by others, so that an end may be
 * repeated; and it holds that connection up while it waits.
 */
function openReplicated(access: RedisAccess, address: string, options: LinkOptions) {
  const { commandTimeoutMs, describe, writeReplicas } = options
  const client = connectTo(access, { commandTimeoutMs, isTold: false })
  const watched = watchState(client, { describe, address, isTls: isTls(access) })
  const runOn: RunCommand = createRunner(client, watched.describe, commandTimeoutMs)
  // Answered before our own time is over, so that a replica that is missing does not look like a server that is.
  const patience = String(Math.max(1, Math.floor(commandTimeoutMs / 2)))
  const run: Link['run'] = (operation, command) =>
    runOn(operation, async () => {
      const result = await command(client)
      const confirmed = Number(await client.sendCommand(['WAIT', String(writeReplicas), patience]))
      if (confirmed >= writeReplicas) return result
      throw new Error(`${confirmed} of ${writeReplicas} replicas have confirmed it`)
    })
  return { run, close: () => closeClient(client, commandTimeoutMs) }
}

async function closeClient(client: Client, timeoutMs: number): Promise<void> {
  await withDeadline(client.close(), timeoutMs, 'redis: pending commands dropped').catch(() => {
    if (client.isOpen) client.destroy()
  })
}
