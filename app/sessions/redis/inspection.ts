/** What can be seen of the servers of a store from outside: how soon they answer, and what they do when memory runs out. */
import type { StoreHazards } from '../record-store.ts'
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

/** What `maxmemory-policy` has to be: a server that makes room by itself may forget that a session has ended. */
export const isEvicting = ({ evictionPolicy = 'noeviction' }: Pick<InspectedServer, 'evictionPolicy'>): boolean =>
  evictionPolicy !== 'noeviction'

/** In one way for whoever is told. */
export const evictionText = ({
  address,
  evictionPolicy,
}: Pick<InspectedServer, 'address' | 'evictionPolicy'>): string => `${address} has maxmemory-policy ${evictionPolicy}`

/** Which servers evict, and which do not say. Rejects with `ERR_STORE_UNAVAILABLE`. */
export async function hazardsOf(topology: Topology): Promise<StoreHazards> {
  const links = await topology.servers()
  const told = await Promise.all(links.map(async link => ({ address: link.address, ...(await memorySettings(link)) })))
  return {
    set: told.filter(isEvicting).map(evictionText),
    untold: told.filter(({ evictionPolicy }) => evictionPolicy === undefined).map(({ address }) => address),
  }
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
  return {
    address: link.address,
    median: times[reads / 2] ?? 0,
    longest: times.at(-1) ?? 0,
    ...(await memorySettings(link)),
  }
}

/** Of a server that does not tell (INFO is not permitted) nothing. */
async function memorySettings(link: Link): Promise<Pick<InspectedServer, 'evictionPolicy' | 'mostBytes'>> {
  const info = await link.run('inspect', client => client.sendCommand<unknown>(['INFO', 'memory']).catch(untold))
  const told = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, 'm').exec(String(info))?.[1]
  const mostBytes = told('maxmemory')
  return {
    evictionPolicy: told('maxmemory_policy'),
    mostBytes: mostBytes === undefined ? undefined : Number(mostBytes),
  }
}

function untold(error: unknown): string {
  if (/^(?:NOPERM|ERR) /.test(String((error as Error).message))) return ''
  throw error
}

/** A server of a cluster that holds other keys has answered as soon. */
function movedAway(error: unknown): undefined {
  if (/^(?:MOVED|ASK) /.test(String((error as Error).message))) return undefined
  throw error
}
