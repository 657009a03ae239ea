/**
 * Which of several Redis servers is responsible for a record: the one there is, the master that the Sentinels agree on, or
 * the master of the record's slot in a Cluster.
 *
 * The connections are our own, one to each master, and not those of the library's cluster and sentinel clients: those do
 * not say over which connection a message about a change belongs to which read, hold commands back while they look for a
 * server, and let one server that hangs hold up the others. See docs/adr/0020-one-connection-to-each-master.md.
 */
import { OperationalError } from '../../errors.ts'
import type { Client, RedisState } from './connection.ts'
import type { Link, OpenLink } from './link.ts'
import type { Tracking } from './tracked-records.ts'

export interface Topology {
  /**
   * Runs a command on the server that is responsible for records with the digest `key`. Rejects with
   * `ERR_STORE_UNAVAILABLE` when there is none, or it does not answer in time.
   */
  run<T>(operation: string, key: string, command: (client: Client) => Promise<T>): Promise<T>
  /** As `run`, and as many replicas as are wanted have the write when it resolves. */
  runReplicated<T>(operation: string, key: string, command: (client: Client) => Promise<T>): Promise<T>
  /** Resolves when every server takes a write. */
  probe(): Promise<void>
  /** Whether what was read may be remembered, where anything is. */
  readonly tracking: Tracking
  /** The servers that together hold all records. Rejects with `ERR_STORE_UNAVAILABLE` when one of them is not known. */
  servers(): Promise<readonly Link[]>
  close(): Promise<void>
}

export interface TopologyOptions {
  readonly openLink: OpenLink
  /** What every key begins with. */
  readonly prefix: string
  /** Told when all servers are ready, and when one of them is not; the cause names no secret. */
  readonly onStateChange?: (state: RedisState) => void
}

/** One server, or a name that leads to the master. */
export function createSingleServer({ openLink, prefix, onStateChange }: TopologyOptions): Topology {
  const probe = `${prefix}probe`
  const link = openLink({ probeKey: () => probe, onStateChange: state => onStateChange?.(state) })
  return {
    run: (operation, _key, command) => link.run(operation, command),
    runReplicated: (operation, _key, command) => link.runReplicated(operation, command),
    probe: () => link.probe(),
    tracking: link.tracking ?? noTracking,
    servers: async () => [link],
    close: () => link.close(),
  }
}

/** Nothing is told, so nothing is believed. */
export const noTracking: Tracking = {
  isCurrent: () => false,
  isOn: () => false,
  subscribe: () => undefined,
  close: () => undefined,
}

export const unknownServer = (operation: string, detail: string) =>
  new OperationalError('ERR_STORE_UNAVAILABLE', `redis ${operation}: ${detail}`)
