/** What can be seen of the servers of a store from outside: how soon they answer, and what they do when memory runs out. */
import type { Link } from './link.ts'
import type { Topology } from './topology.ts'

export interface InspectedServer {
  /** `host:port` */
  readonly address: string
  /** Milliseconds of one read, over twenty. */
  readonly median: number
  readonly longest: number
  /** `maxmemory-policy`; `undefined` where the server does not tell. */
  readonly evictionPolicy: string | undefined
  /** `maxmemory` in bytes; 0: as much as there is. `undefined` where the server does not tell. */
  readonly mostBytes: number | undefined
}

const reads = 20

/** `key` is read, and nothing else. Rejects with `ERR_STORE_UNAVAILABLE`. */
export async function inspectServers(topology: Topology, key: string): Promise<readonly InspectedServer[]> {
  const inspected: InspectedServer[] = []
  for (const link of await topology.servers()) inspected.push(await inspect(link, key))
  return inspected
}

async function inspect(link: Link, key: string): Promise<InspectedServer> {
  const times: number[] = []
  for (let read = 0; read < reads; read += 1) {
    const startedAt = performance.now()
    await link.run('inspect', client => client.sendCommand(['EXISTS', key]).catch(movedAway))
    times.push(performance.now() - startedAt)
  }
  times.sort((a, b) => a - b)
  const info = await link.run('inspect', client => client.sendCommand<unknown>(['INFO', 'memory'])).catch(() => '')
  const told = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, 'm').exec(String(info))?.[1]
  const mostBytes = told('maxmemory')
  return {
    address: link.address,
    median: times[reads / 2] ?? 0,
    longest: times.at(-1) ?? 0,
    evictionPolicy: told('maxmemory_policy'),
    mostBytes: mostBytes === undefined ? undefined : Number(mostBytes),
  }
}

/** A server of a cluster that holds other keys has answered as soon. */
function movedAway(error: unknown): undefined {
  if (/^(?:MOVED|ASK) /.test(String((error as Error).message))) return undefined
  throw error
}
